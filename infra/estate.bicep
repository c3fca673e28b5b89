// The whole estate: what the identity may read at a management group, and a policy that gives every subscription below its
// Event Grid topic and subscription, so that changes there, and its onboarding, wake the monitor. Deployed after the app:
//   az deployment mg create --management-group-id MG --location REGION --template-file infra/estate.bicep
//     --parameters principalId=IDENTITY_PRINCIPAL_ID functionAppId=FUNCTION_APP_ID
// For subscriptions that are there already start a remediation of the assignment. Without the policy the timers still
// find everything.
targetScope = 'managementGroup'

@description('Object id of the identity of the app.')
param principalId string

@description('Id of the function app.')
param functionAppId string

@description('Region of the policy assignment and of what it deploys.')
param location string = deployment().location

@description('Whether subscriptions get their event subscriptions.')
param withEvents bool = true

@description('Resource group that the topic of a subscription is put into.')
param topicGroup string = 'rg-secure-score-drift-events'

var roles = [
  '39bc4728-0917-49c7-9d2c-d95423bc2eb4' // Security Reader: scores, controls, assessments, plans, governance
  'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader: the inventory with its tags, and who made and changed what
]

resource grants 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in roles: {
  name: guid(managementGroup().id, principalId, role)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: tenantResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

// What the policy's own identity may do, which is not the app's: make topics and their groups, and nothing else.
resource maker 'Microsoft.Authorization/roleDefinitions@2022-04-01' = if (withEvents) {
  name: guid(managementGroup().id, 'secure-score-drift-events')
  properties: {
    roleName: 'Secure score drift: event subscriptions (${managementGroup().name})'
    description: 'Makes Event Grid system topics and subscriptions for the secure score drift monitor.'
    type: 'CustomRole'
    assignableScopes: [
      managementGroup().id
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Resources/subscriptions/resourceGroups/read'
          'Microsoft.Resources/subscriptions/resourceGroups/write'
          'Microsoft.Resources/deployments/*'
          'Microsoft.EventGrid/register/action'
          'Microsoft.EventGrid/systemTopics/*'
          'Microsoft.EventGrid/eventSubscriptions/*'
        ]
        notActions: []
      }
    ]
  }
}

// What is frequent and moves no score. The app looks again, more closely.
var noise = loadJsonContent('noise.json')
var destination = {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: '[format(\'{0}/functions/change_event\', parameters(\'functionAppId\'))]'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}
var retries = {
  eventTimeToLiveInMinutes: 1440
  maxDeliveryAttempts: 30
}

// What is deployed into a resource group of each subscription: the same as events.bicep has for the app's own.
var inGroup = {
  '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
  contentVersion: '1.0.0.0'
  parameters: {
    functionAppId: {
      type: 'string'
    }
  }
  resources: [
    {
      type: 'Microsoft.EventGrid/systemTopics'
      apiVersion: '2025-02-15'
      name: 'secure-score-drift'
      location: 'global'
      properties: {
        source: '[subscription().id]'
        topicType: 'Microsoft.Resources.Subscriptions'
      }
    }
    {
      type: 'Microsoft.EventGrid/systemTopics/eventSubscriptions'
      apiVersion: '2025-02-15'
      name: 'secure-score-drift/secure-score-drift'
      dependsOn: [
        'secure-score-drift'
      ]
      properties: {
        destination: destination
        eventDeliverySchema: 'EventGridSchema'
        retryPolicy: retries
        filter: {
          includedEventTypes: [
            'Microsoft.Resources.ResourceWriteSuccess'
            'Microsoft.Resources.ResourceDeleteSuccess'
            'Microsoft.Resources.ResourceActionSuccess'
          ]
          advancedFilters: [
            {
              operatorType: 'StringNotBeginsWith'
              key: 'data.operationName'
              values: noise
            }
          ]
        }
      }
    }
    {
      type: 'Microsoft.EventGrid/systemTopics/eventSubscriptions'
      apiVersion: '2025-02-15'
      name: 'secure-score-drift/secure-score-drift-failed'
      dependsOn: [
        'secure-score-drift'
      ]
      properties: {
        destination: destination
        eventDeliverySchema: 'EventGridSchema'
        retryPolicy: retries
        filter: {
          includedEventTypes: [
            'Microsoft.Resources.ResourceWriteFailure'
            'Microsoft.Resources.ResourceDeleteFailure'
          ]
        }
      }
    }
  ]
}

var inSubscription = {
  '$schema': 'https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#'
  contentVersion: '1.0.0.0'
  parameters: {
    functionAppId: {
      type: 'string'
    }
    topicGroup: {
      type: 'string'
    }
    location: {
      type: 'string'
    }
  }
  resources: [
    {
      type: 'Microsoft.Resources/resourceGroups'
      apiVersion: '2024-03-01'
      name: '[parameters(\'topicGroup\')]'
      location: '[parameters(\'location\')]'
    }
    {
      type: 'Microsoft.Resources/deployments'
      apiVersion: '2024-03-01'
      name: 'secure-score-drift-events'
      resourceGroup: '[parameters(\'topicGroup\')]'
      dependsOn: [
        '[subscriptionResourceId(\'Microsoft.Resources/resourceGroups\', parameters(\'topicGroup\'))]'
      ]
      properties: {
        mode: 'Incremental'
        expressionEvaluationOptions: {
          scope: 'inner'
        }
        parameters: {
          functionAppId: {
            value: '[parameters(\'functionAppId\')]'
          }
        }
        template: inGroup
      }
    }
  ]
}

resource definition 'Microsoft.Authorization/policyDefinitions@2023-04-01' = if (withEvents) {
  name: 'secure-score-drift-events'
  properties: {
    displayName: 'Subscriptions tell the secure score drift monitor of their changes'
    description: 'Deploys an Event Grid system topic and subscriptions where a subscription has no topic yet.'
    policyType: 'Custom'
    mode: 'All'
    metadata: {
      category: 'Monitoring'
    }
    parameters: {
      functionAppId: {
        type: 'String'
        metadata: {
          displayName: 'Id of the function app'
        }
      }
      topicGroup: {
        type: 'String'
        metadata: {
          displayName: 'Resource group for the topic'
        }
      }
      location: {
        type: 'String'
        metadata: {
          displayName: 'Region of that group'
        }
      }
    }
    policyRule: {
      if: {
        field: 'type'
        equals: 'Microsoft.Resources/subscriptions'
      }
      then: {
        effect: 'deployIfNotExists'
        details: {
          type: 'Microsoft.EventGrid/systemTopics'
          existenceScope: 'subscription'
          // A subscription has one topic of this type: where another made it, its event subscriptions are added by hand.
          existenceCondition: {
            field: 'Microsoft.EventGrid/systemTopics/topicType'
            equals: 'Microsoft.Resources.Subscriptions'
          }
          deploymentScope: 'subscription'
          roleDefinitionIds: [
            maker.id
          ]
          deployment: {
            location: location
            properties: {
              mode: 'incremental'
              parameters: {
                functionAppId: {
                  value: '[parameters(\'functionAppId\')]'
                }
                topicGroup: {
                  value: '[parameters(\'topicGroup\')]'
                }
                location: {
                  value: '[parameters(\'location\')]'
                }
              }
              template: inSubscription
            }
          }
        }
      }
    }
  }
}

resource assignment 'Microsoft.Authorization/policyAssignments@2024-04-01' = if (withEvents) {
  name: 'score-drift-events'
  location: location
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    displayName: 'Subscriptions tell the secure score drift monitor of their changes'
    policyDefinitionId: definition.id
    parameters: {
      functionAppId: {
        value: functionAppId
      }
      topicGroup: {
        value: topicGroup
      }
      location: {
        value: location
      }
    }
  }
}

resource makerGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withEvents) {
  name: guid(managementGroup().id, 'score-drift-events', 'maker')
  properties: {
    principalId: assignment.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: maker.id
  }
}

// Event Grid lets only those point to a function who may write there.
module target 'estate-target.bicep' = if (withEvents) {
  scope: resourceGroup(split(functionAppId, '/')[2], split(functionAppId, '/')[4])
  name: 'secure-score-drift-target'
  params: {
    principalId: assignment.identity.principalId
    functionAppName: last(split(functionAppId, '/'))
  }
}

output assignmentId string = assignment.id
