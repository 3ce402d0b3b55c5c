// Decide requests by @cloud-copilot/iam-simulate, an evaluator of IAM policies that is made by others (README.md).
//
// Standard input: one JSON document a line. The first holds the policies by name. Each other one is a request:
//   {action, resource, account, principal, context, identity: [names], resource_policy: name or null}
// Standard output: for each request a line with `decision` ("Allowed", "ImplicitlyDenied", "ExplicitlyDenied"), or with
// `error`: what the request or a policy has that AWS does not know, such as an action that does not exist.

import { createInterface } from 'node:readline'
import { runSimulation } from '@cloud-copilot/iam-simulate'

let policies

for await (const line of createInterface({ input: process.stdin })) {
  const document = JSON.parse(line)
  if (policies === undefined) {
    policies = document
    continue
  }
  const result = await runSimulation(
    {
      request: {
        principal: document.principal,
        action: document.action,
        resource: { resource: document.resource, accountId: document.account },
        contextVariables: document.context,
      },
      identityPolicies: document.identity.map((name) => ({ name, policy: policies[name] })),
      resourcePolicy: document.resource_policy === null ? undefined : policies[document.resource_policy],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  )
  const answer = result.resultType === 'error' ? { error: result.errors } : { decision: result.overallResult }
  console.log(JSON.stringify(answer))
}
