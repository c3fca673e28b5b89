// What the app's identity may do with its own resources. Nothing here reaches what is watched: see rights.bicep.

@description('Object id of the identity of the app.')
param principalId string

@description('Name of its storage account.')
param storageName string

@description('Name of its vault.')
param vaultName string

@description('Name of its Application Insights.')
param insightsName string

@description('Name of its Event Grid topic; empty where there is none.')
param topicName string = ''

var onStorage = [
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner: the history, its package; the host asks for it for its locks
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor: reads its queues, delays messages, keeps poison
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor: the history
]
var readSecrets = '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User: the webhooks, by reference
var publishMetrics = '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher: its logs, without a key
var sendEvents = 'd5a91429-5739-47e2-a06b-3470a27159e7' // EventGrid Data Sender: explained movements

resource store 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = if (!empty(topicName)) {
  name: topicName
}

resource storageRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in onStorage: {
  scope: store
  name: guid(store.id, principalId, role)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

resource vaultRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, principalId, readSecrets)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', readSecrets)
  }
}

resource insightsRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, principalId, publishMetrics)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', publishMetrics)
  }
}

resource topicRights 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(topicName)) {
  scope: topic
  name: guid(resourceGroup().id, topicName, principalId, sendEvents)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', sendEvents)
  }
}
