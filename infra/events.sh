#!/bin/sh
# Subscribes the function `change_event` to the events of the subscription that the app runs in. `azd up` runs it after
# it has put the code there. Again is no harm.
set -eu
: "${AZURE_RESOURCE_GROUP:?is not set: run this by azd, or with the values of azd env get-values}"
az deployment group create --resource-group "$AZURE_RESOURCE_GROUP" --name events \
  --template-file "$(dirname "$0")/events.bicep" \
  --parameters environmentName="$AZURE_ENV_NAME" functionAppName="$FUNCTION_APP_NAME" actionGroupId="$ACTION_GROUP_ID" \
  --output none
