// A private endpoint with the names that lead to it.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Name of what it leads to, and of the service there.')
param name string

@description('Id of what it leads to.')
param targetId string

@description('The service there: blob, queue, table, vault.')
param group string

@description('Private DNS zone of the service.')
param zone string

@description('Id of the subnet that it lies in.')
param subnetId string

@description('Id of the virtual network that looks names up.')
param networkId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = {
  name: 'pe-${name}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: group
        properties: {
          privateLinkServiceId: targetId
          groupIds: [
            group
          ]
        }
      }
    ]
  }
}

resource names 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zone
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: names
  name: 'monitor'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: networkId
    }
  }
}

resource records 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: group
        properties: {
          privateDnsZoneId: names.id
        }
      }
    ]
  }
}
