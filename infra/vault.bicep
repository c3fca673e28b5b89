// The vault: the webhooks, each with its address as a secret. The app reads them by reference.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of the vault.')
param name string

@description('Address of the Teams webhook. Empty: whatever is there stays.')
@secure()
param teamsWebhookUrl string = ''

@description('Id of the subnet of its private endpoint; empty: it is reached from anywhere, by identity.')
param endpointSubnetId string = ''

@description('Id of the virtual network that looks up its private name; empty without a network.')
param networkId string = ''

var private = !empty(endpointSubnetId)
var zones = {
  AzureUSGovernment: 'privatelink.vaultcore.usgovcloudapi.net'
  AzureChinaCloud: 'privatelink.vaultcore.azure.cn'
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  // checkov:skip=CKV_AZURE_109:with privateNetwork this is Deny; without, identities alone open it
  // checkov:skip=CKV_AZURE_189:the same: Disabled with privateNetwork
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 30
    enablePurgeProtection: true
    publicNetworkAccess: private ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: private ? 'Deny' : 'Allow'
    }
  }
}

resource webhook 'Microsoft.KeyVault/vaults/secrets@2023-07-01' = if (!empty(teamsWebhookUrl)) {
  // checkov:skip=CKV_AZURE_41:an address that works until its workflow is deleted: an end here would only silence the alerts
  // checkov:skip=CKV_AZURE_114:a content type is set
  parent: vault
  name: 'TEAMS-WEBHOOK-URL'
  properties: {
    contentType: 'text/plain'
    value: teamsWebhookUrl
  }
}

module endpoint 'endpoint.bicep' = if (private) {
  name: 'endpoint-vault'
  params: {
    location: location
    tags: tags
    name: name
    targetId: vault.id
    group: 'vault'
    zone: contains(zones, environment().name) ? zones[environment().name] : 'privatelink.vaultcore.azure.net'
    subnetId: endpointSubnetId
    networkId: networkId
  }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
