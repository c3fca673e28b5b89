// What the app's identity may do where it watches, a subscription at a time: it reads. For a management group the same
// two roles are in estate.bicep; what it may do with its own resources is in rights-own.bicep.
targetScope = 'subscription'

@description('Object id of the identity of the app.')
param principalId string

var roles = [
  '39bc4728-0917-49c7-9d2c-d95423bc2eb4' // Security Reader: scores, controls, assessments, plans, governance
  'acdd72a7-3385-48ef-bd42-f606fba81ae7' // Reader: the inventory with its tags, and who made and changed what
]

resource grants 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in roles: {
  name: guid(subscription().id, principalId, role)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]
