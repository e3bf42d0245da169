import type { UserInfo } from '@consentry/user-identity'

/** Whether both may do the same: of what they hold, only this opens anything. */
export function haveSameRights (one: UserInfo, other: UserInfo): boolean {
  return text(one) === text(other)
}

function text ({ groups, roles, scopes }: UserInfo): string {
  return JSON.stringify([groups, roles, scopes])
}
