// The events of the subscription that the app runs in, to its function `change_event`. Deployed after the code: Event
// Grid asks whether the function is there. Of other subscriptions: estate.bicep. Without any of it the timers find
// everything, an hour later.
//
// Event Grid comes with the host's system key for it, which Azure keeps; nothing of it is in a template. A system topic of
// a subscription is global, and a global one can't have an identity: docs/decisions/0016-events-delivery.md.

@description('Name of the environment.')
param environmentName string

@description('Name of the function app.')
param functionAppName string

@description('Id of the action group that is told of events that were lost.')
param actionGroupId string

@description('Id of the management group whose policy states are heard; empty: those of this subscription.')
param policySource string = ''

@description('Name of the storage account for dead letters. Only where topics in location global may have an identity.')
param deadLetterStorage string = ''

@description('Id of an identity with Storage Blob Data Contributor on that account.')
param deadLetterIdentityId string = ''

var tags = { 'azd-env-name': environmentName }
var token = toLower(uniqueString(resourceGroup().id))
var withDeadLetters = !empty(deadLetterStorage) && !empty(deadLetterIdentityId)
var topicIdentity = withDeadLetters ? {
  type: 'UserAssigned'
  userAssignedIdentities: {
    '${deadLetterIdentityId}': {}
  }
} : {
  type: 'None'
}

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource store 'Microsoft.Storage/storageAccounts@2024-01-01' existing = if (withDeadLetters) {
  name: deadLetterStorage
}

resource changes 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgs-changes-${token}'
  location: 'global'
  tags: tags
  identity: topicIdentity
  properties: {
    source: subscription().id
    topicType: 'Microsoft.Resources.Subscriptions'
  }
}

resource states 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: 'evgs-states-${token}'
  location: 'global'
  tags: tags
  identity: topicIdentity
  properties: {
    source: empty(policySource) ? subscription().id : policySource
    topicType: 'Microsoft.PolicyInsights.PolicyStates'
  }
}

var destination = {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: '${app.id}/functions/change_event'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}
var retries = {
  eventTimeToLiveInMinutes: 1440
  maxDeliveryAttempts: 30
}
var deadLetters = withDeadLetters ? {
  identity: {
    type: 'UserAssigned'
    userAssignedIdentity: deadLetterIdentityId
  }
  deadLetterDestination: {
    endpointType: 'StorageBlob'
    properties: {
      resourceId: store.id
      blobContainerName: 'deadletters'
    }
  }
} : null

// What is frequent and moves no score. The app looks again, more closely.
var noise = loadJsonContent('noise.json')

resource done 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: changes
  name: 'secure-score-drift'
  properties: {
    destination: destination
    deadLetterWithResourceIdentity: deadLetters
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

// Fixes that were refused: deployments among them, which tell what came of them only here.
resource failed 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: changes
  name: 'secure-score-drift-failed'
  properties: {
    destination: destination
    deadLetterWithResourceIdentity: deadLetters
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

resource compliance 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: states
  name: 'secure-score-drift'
  properties: {
    destination: destination
    deadLetterWithResourceIdentity: deadLetters
    eventDeliverySchema: 'EventGridSchema'
    retryPolicy: retries
    filter: {
      includedEventTypes: [
        'Microsoft.PolicyInsights.PolicyStateCreated'
        'Microsoft.PolicyInsights.PolicyStateChanged'
        'Microsoft.PolicyInsights.PolicyStateDeleted'
      ]
    }
  }
}

// Dead letters, and what was dropped where there is nowhere to put them.
var lost = [
  'DeadLetteredCount'
  'DroppedEventCount'
]

resource losses 'Microsoft.Insights/metricAlerts@2018-03-01' = [for metric in lost: {
  name: 'events-${metric}-${token}'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Grid could not deliver changes to the monitor. The timers find what they were about.'
    enabled: true
    severity: 3
    scopes: [
      changes.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT1H'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'lost'
          metricName: metric
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}]
