// All that is in the resource group, put together.

@description('What makes the names of this environment its own.')
@minLength(13)
param token string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('DRIFT_SCOPES.')
param scopes string

@description('DRIFT_GROUPS.')
param groups string

@description('Address that alerts are mailed to, or empty.')
param alertEmail string

@description('Address of the Teams webhook, or empty.')
@secure()
param teamsWebhookUrl string

@description('Whether TEAMS-WEBHOOK-URL is in the vault already.')
param webhookInVault bool

@description('App settings of other webhooks, each in the vault under its name with - for _.')
param moreWebhooks array

@description('DRIFT_TEAMS_ROUTES.')
param teamsRoutes string

@description('DRIFT_QUIET_HOURS.')
param quietHours string

@description('DRIFT_CARDS_PER_HOUR.')
param cardsPerHour string

@description('DRIFT_NOTIFY.')
param notify string

@description('DRIFT_NOTIFY_LINK.')
param notifyLink string

@description('DRIFT_ANNOUNCE_PP.')
param announcePp string

@description('DRIFT_RETENTION_MONTHS.')
param retentionMonths string

@description('Schedules of timers, by setting.')
param schedules object

@description('Client id of the app registration for sign-in, or empty.')
param signInClientId string

@description('App role that may read, with sign-in.')
param signInRole string

@description('Whether there is a topic for explained movements.')
param withTopic bool

@description('Whether storage and vault are reached through private endpoints alone.')
param privateNetwork bool

@description('Most instances at once.')
param maximumInstances int

var storageName = 'st${token}'
var vaultName = 'kv-${token}'
var topicName = withTopic ? 'evgt-${token}' : ''
var appName = 'func-${token}'

// The default hosts of an app: environment() does not know them.
var hosts = {
  AzureUSGovernment: 'azurewebsites.us'
  AzureChinaCloud: 'chinacloudsites.cn'
}
var address = 'https://${appName}.${contains(hosts, environment().name) ? hosts[environment().name] : 'azurewebsites.net'}'
var graphs = {
  AzureUSGovernment: 'https://graph.microsoft.us'
  AzureChinaCloud: 'https://microsoftgraph.chinacloudapi.cn'
}
var graph = contains(graphs, environment().name) ? graphs[environment().name] : 'https://graph.microsoft.com'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: 'id-${token}'
  location: location
  tags: tags
}

module network 'network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    location: location
    tags: tags
    name: token
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  params: {
    location: location
    tags: tags
    name: storageName
    endpointSubnetId: privateNetwork ? network.outputs.endpointSubnetId : ''
    networkId: privateNetwork ? network.outputs.id : ''
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  params: {
    location: location
    tags: tags
    name: vaultName
    teamsWebhookUrl: teamsWebhookUrl
    endpointSubnetId: privateNetwork ? network.outputs.endpointSubnetId : ''
    networkId: privateNetwork ? network.outputs.id : ''
  }
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    name: token
  }
}

// Explained movements go out here; who wants them subscribes to it.
resource topic 'Microsoft.EventGrid/topics@2025-02-15' = if (withTopic) {
  // checkov:skip=CKV_AZURE_193:who subscribes lies outside of the app's network; publishing and subscribing need an identity
  // checkov:skip=CKV_AZURE_191:nothing is delivered with its own identity: that is for who subscribes to choose
  // checkov:skip=CKV_AZURE_192:local authentication is off
  name: 'evgt-${token}'
  location: location
  tags: tags
  properties: {
    disableLocalAuth: true
    inputSchema: 'CloudEventSchemaV1_0'
    minimumTlsVersionAllowed: '1.2'
    publicNetworkAccess: 'Enabled'
  }
}

module rights 'rights-own.bicep' = {
  name: 'rights-own'
  params: {
    principalId: identity.properties.principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    topicName: topicName
  }
  dependsOn: [
    topic
  ]
}

var platform = [
  { name: 'AzureWebJobsStorage__blobServiceUri', value: storage.outputs.blob }
  { name: 'AzureWebJobsStorage__queueServiceUri', value: storage.outputs.queue }
  { name: 'AzureWebJobsStorage__tableServiceUri', value: storage.outputs.table }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
  { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: monitoring.outputs.connectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identity.properties.clientId};Authorization=AAD' }
  { name: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID', value: identity.properties.clientId }
]

// What is empty has the app's default.
var own = [
  { name: 'DRIFT_SCOPES', value: scopes }
  { name: 'DRIFT_GROUPS', value: groups }
  { name: 'DRIFT_SNAPSHOT_SCHEDULE', value: schedule.DRIFT_SNAPSHOT_SCHEDULE }
  { name: 'DRIFT_ROLLUP_SCHEDULE', value: schedule.DRIFT_ROLLUP_SCHEDULE }
  { name: 'DRIFT_ANNOUNCE_SCHEDULE', value: schedule.DRIFT_ANNOUNCE_SCHEDULE }
  { name: 'DRIFT_CALENDAR_SCHEDULE', value: schedule.DRIFT_CALENDAR_SCHEDULE }
  { name: 'DRIFT_DIGEST_SCHEDULE', value: schedule.DRIFT_DIGEST_SCHEDULE }
  { name: 'DRIFT_ARM_ENDPOINT', value: environment().resourceManager }
  { name: 'DRIFT_GRAPH_ENDPOINT', value: graph }
  { name: 'DRIFT_APP_URL', value: address }
  // A reference that leads nowhere is an error that stops the app: only what is in the vault is referred to.
  { name: 'TEAMS_WEBHOOK_URL', value: webhookInVault || !empty(teamsWebhookUrl) ? '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=TEAMS-WEBHOOK-URL)' : '' }
  { name: 'DRIFT_TEAMS_ROUTES', value: teamsRoutes }
  { name: 'DRIFT_QUIET_HOURS', value: quietHours }
  { name: 'DRIFT_CARDS_PER_HOUR', value: cardsPerHour }
  { name: 'DRIFT_NOTIFY', value: notify }
  { name: 'DRIFT_NOTIFY_LINK', value: notifyLink }
  { name: 'DRIFT_ANNOUNCE_PP', value: announcePp }
  { name: 'DRIFT_RETENTION_MONTHS', value: retentionMonths }
  { name: 'DRIFT_TOPIC_ENDPOINT', value: withTopic ? topic.properties.endpoint : '' }
  { name: 'DRIFT_SIGN_IN_ROLE', value: empty(signInClientId) ? '' : signInRole }
]
var schedule = union({
  DRIFT_SNAPSHOT_SCHEDULE: ''
  DRIFT_ROLLUP_SCHEDULE: ''
  DRIFT_ANNOUNCE_SCHEDULE: ''
  DRIFT_CALENDAR_SCHEDULE: ''
  DRIFT_DIGEST_SCHEDULE: ''
}, schedules)

var webhooks = [for one in moreWebhooks: {
  name: one
  value: '@Microsoft.KeyVault(VaultName=${vaultName};SecretName=${replace(one, '_', '-')})'
}]

module app 'app.bicep' = {
  name: 'app'
  params: {
    location: location
    tags: tags
    name: appName
    identityId: identity.id
    settings: concat(platform, own, webhooks)
    packageContainer: storage.outputs.packageContainer
    subnetId: privateNetwork ? network.outputs.appSubnetId : ''
    signInClientId: signInClientId
    maximumInstances: maximumInstances
  }
  dependsOn: [
    rights
  ]
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  params: {
    location: location
    tags: tags
    name: token
    workspaceId: monitoring.outputs.workspaceId
    email: alertEmail
  }
}

output appName string = app.outputs.name
output appId string = app.outputs.id
output address string = app.outputs.address
output identityPrincipalId string = identity.properties.principalId
output actionGroupId string = alerts.outputs.actionGroupId
output storageName string = storage.outputs.name
output vaultName string = vault.outputs.name
