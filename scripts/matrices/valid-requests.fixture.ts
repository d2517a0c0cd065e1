import type { Example } from "./making.fixture.ts";
import {
  priceRequests,
  runRequests,
  scheduleRequests,
  subscriptionRequests,
} from "./valid-billable-requests.fixture.ts";
import { monthRequests } from "./valid-month-requests.fixture.ts";
import { keyRequests, organizationRequests, peopleRequests, signInRequests } from "./valid-people-requests.fixture.ts";
import { allocationRequests, hierarchyRequests, integrationRequests } from "./valid-structure-requests.fixture.ts";
import { unitMetricRequests } from "./valid-unit-requests.fixture.ts";

/** One valid call per function that leaves an audit row. Those that no body and no example of its own needs are not here. */
export const validRequests: Readonly<Record<string, Example>> = {
  ...keyRequests(),
  ...organizationRequests(),
  ...peopleRequests(),
  ...signInRequests(),
  ...hierarchyRequests(),
  ...allocationRequests(),
  ...unitMetricRequests(),
  ...integrationRequests(),
  ...runRequests(),
  ...scheduleRequests(),
  ...priceRequests(),
  ...monthRequests(),
  ...subscriptionRequests(),
};
