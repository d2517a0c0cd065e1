import { draw } from "../draw.ts";
import type { Fault } from "./fault.ts";

/** A fault with its history. `seen`: matching calls so far; `fired`: how often it struck. */
interface LiveFault extends Fault {
  readonly id: string;
  seen: number;
  fired: number;
}

interface FaultTarget {
  readonly provider: string;
  readonly path: string;
  readonly account: string | undefined;
}

export interface FaultList {
  add(fault: Fault): LiveFault;
  list(): readonly LiveFault[];
  /** Removes the faults of an id, of an account, or all. */
  clear(which?: { id?: string | undefined; account?: string | undefined }): void;
  /** The fault that strikes this call, counted as fired; the oldest one wins. `applies` says whether a mode can change the answer at all. */
  strike(target: FaultTarget, applies: (fault: Fault) => boolean): LiveFault | undefined;
}

const million = 1_000_000n;

export function createFaultList(seed: number): FaultList {
  let faults: LiveFault[] = [];
  let lastId = 0;

  const strikes = (fault: LiveFault): boolean => {
    fault.seen += 1;
    if (fault.seen <= fault.after) return false;
    if (fault.count !== null && fault.fired >= fault.count) return false;
    const [bits] = draw(seed, "fault", fault.id, fault.seen);
    if (bits % million >= BigInt(Math.round(fault.probability * 1_000_000))) return false;
    fault.fired += 1;
    return true;
  };
  return {
    add: (fault) => {
      lastId += 1;
      const live = { ...fault, id: `fault_${lastId}`, seen: 0, fired: 0 };
      faults.push(live);
      return live;
    },
    list: () => faults,
    clear: ({ id, account } = {}) => {
      const stays = (fault: LiveFault) =>
        (id !== undefined && fault.id !== id) || (account !== undefined && fault.account !== account);
      faults = faults.filter(stays);
      if (id === undefined && account === undefined) lastId = 0;
    },
    strike: (target, applies) => faults.find((fault) => matches(fault, target) && applies(fault) && strikes(fault)),
  };
}

function matches(fault: LiveFault, { provider, path, account }: FaultTarget): boolean {
  return (
    fault.provider === provider &&
    path.startsWith(fault.path_prefix) &&
    (fault.account === null || fault.account === account)
  );
}
