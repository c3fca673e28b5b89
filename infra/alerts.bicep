// Whether the monitor itself is well: alerts, and a workbook. They read the line `vitals {…}` that the app writes every
// hour, and what each function did. Those of events are in events.bicep, with the topic.

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('What makes the names of this environment its own.')
param name string

@description('Id of the Log Analytics workspace.')
param workspaceId string

@description('Address that alerts are mailed to, or empty.')
param email string

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'score drift'
    emailReceivers: empty(email) ? [] : [
      {
        name: 'mail'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

var vitals = 'AppTraces | where Message startswith "vitals " | extend vitals = parse_json(substring(Message, 7))'
var rules = [
  {
    name: 'poison-queue-not-empty'
    says: 'A message failed five times: a subscription was not looked at, or an event was not stored.'
    query: '${vitals} | where toint(vitals.poison) > 0'
    window: 'PT2H'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
  }
  {
    name: 'chain-older-than-3-hours'
    says: 'A subscription or group was not looked at for three hours.'
    query: '${vitals} | where toint(vitals.oldestMinutes) > 180'
    window: 'PT2H'
    operator: 'GreaterThan'
    threshold: 0
    severity: 2
  }
  {
    name: 'functions-failing'
    says: 'Functions of the monitor fail again and again.'
    query: 'AppRequests | where Success == false and not(toint(ResultCode) between (400 .. 499))'
    window: 'PT1H'
    operator: 'GreaterThan'
    threshold: 5
    severity: 2
  }
  {
    name: 'no-sign-of-life'
    says: 'The monitor wrote nothing for three hours: it does not run.'
    query: vitals
    window: 'PT3H'
    operator: 'LessThan'
    threshold: 1
    severity: 1
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in rules: {
  name: '${rule.name}-${name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Secure score drift: ${rule.name}'
    description: rule.says
    enabled: true
    severity: rule.severity
    scopes: [
      workspaceId
    ]
    evaluationFrequency: 'PT30M'
    windowSize: rule.window
    skipQueryValidation: true // the tables are there once the app has run
    autoMitigate: true
    criteria: {
      allOf: [
        {
          query: rule.query
          timeAggregation: 'Count'
          operator: rule.operator
          threshold: rule.threshold
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'secure-score-drift')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Secure score drift: how it runs'
    category: 'workbook'
    sourceId: workspaceId
    serializedData: loadTextContent('workbook.json')
  }
}

output actionGroupId string = people.id
