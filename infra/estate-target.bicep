// Lets the policy of estate.bicep point event subscriptions to the app's function: on that app, and nothing else.

@description('Object id of the identity of the policy assignment.')
param principalId string

@description('Name of the function app.')
param functionAppName string

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: functionAppName
}

resource pointer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(app.id, 'secure-score-drift-target')
  properties: {
    roleName: 'Secure score drift: point events to ${functionAppName}'
    description: 'Points Event Grid subscriptions to the functions of this app.'
    type: 'CustomRole'
    assignableScopes: [
      resourceGroup().id
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Web/sites/read'
          'Microsoft.Web/sites/functions/read'
          'Microsoft.Web/sites/functions/write'
          'Microsoft.Web/sites/host/listkeys/action'
        ]
        notActions: []
      }
    ]
  }
}

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: app
  name: guid(app.id, principalId, 'pointer')
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: pointer.id
  }
}
