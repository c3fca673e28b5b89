// The storage account: the history, the queues, the package of the app. It takes no key, only identities.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of the account.')
param name string

@description('Id of the subnet of its private endpoints; empty: it is reached from anywhere, by identity.')
param endpointSubnetId string = ''

@description('Id of the virtual network that looks up its private names; empty without a network.')
param networkId string = ''

var queues = ['snapshots', 'changes', 'snapshots-poison', 'changes-poison']
var tables = ['drift', 'driftindex', 'driftchanges', 'driftforecasts']
var containers = ['drift', 'package', 'deadletters']
var services = ['blob', 'queue', 'table']
var private = !empty(endpointSubnetId)
var keptDays = 14

resource store 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  // checkov:skip=CKV_AZURE_35:the app is reached by Teams and people; with privateNetwork this is Deny, and nothing is open
  // checkov:skip=CKV_AZURE_59:the same: Disabled with privateNetwork
  // checkov:skip=CKV_AZURE_206:a region's worth of replicas is for the owner to choose; the history can be backed up with drift backup
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_ZRS'
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: store
  name: 'default'
  properties: {
    // What was deleted by mistake comes back for two weeks. The app's own deletions are of what it replaced.
    containerDeleteRetentionPolicy: {
      enabled: true
      days: keptDays
    }
    deleteRetentionPolicy: {
      enabled: true
      days: keptDays
    }
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [for one in containers: {
  parent: blobs
  name: one
  properties: {
    publicAccess: 'None'
  }
}]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: store
  name: 'default'
}

resource storageQueues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for one in queues: {
  parent: queueService
  name: one
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: store
  name: 'default'
}

resource storageTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [for one in tables: {
  parent: tableService
  name: one
}]

module endpoints 'endpoint.bicep' = [for service in services: if (private) {
  name: 'endpoint-${service}'
  params: {
    location: location
    tags: tags
    name: '${name}-${service}'
    targetId: store.id
    group: service
    zone: 'privatelink.${service}.${environment().suffixes.storage}'
    subnetId: endpointSubnetId
    networkId: networkId
  }
}]

output name string = store.name
output id string = store.id
output blob string = store.properties.primaryEndpoints.blob
output queue string = store.properties.primaryEndpoints.queue
output table string = store.properties.primaryEndpoints.table
output packageContainer string = '${store.properties.primaryEndpoints.blob}package'
