/** A test plan of the OpenID Foundation for relying parties. */
export interface ConformancePlan {
  name: string
  tests: readonly string[]
}

const oidcc = (...names: readonly string[]): string[] => names.map((name) => ['oidcc-client-test', name].filter((part) => part !== '').join('-'))
const fapi2 = (...names: readonly string[]): string[] => names.map((name) => `fapi2-security-profile-final-client-${name}`)

/**
 * The plans that the catalogue goes by, as of August 2026.
 * @see https://gitlab.com/openid/conformance-suite
 */
export const conformancePlans: readonly ConformancePlan[] = [
  {
    name: 'oidcc-client-basic-certification-test-plan',
    tests: oidcc(
      '', 'invalid-iss', 'missing-sub', 'invalid-aud', 'missing-iat', 'kid-absent-single-jwks', 'kid-absent-multiple-jwks', 'idtoken-sig-rs256',
      'idtoken-sig-none', 'invalid-sig-rs256', 'userinfo-bearer-header', 'userinfo-bearer-body', 'userinfo-invalid-sub', 'nonce-invalid',
      'scope-userinfo-claims', 'client-secret-basic'
    )
  },
  {
    name: 'oidcc-client-config-certification-test-plan',
    tests: oidcc(
      'discovery-openid-config', 'discovery-jwks-uri-keys', 'discovery-issuer-mismatch', 'idtoken-sig-none',
      'signing-key-rotation-just-before-signing', 'signing-key-rotation'
    )
  },
  {
    name: 'fapi2-security-profile-final-client-test-plan',
    tests: fapi2(
      'test-happy-path', 'test-happy-path-no-dpop-nonce', 'test-discovery-issuer-mismatch', 'test-invalid-iss', 'test-invalid-aud',
      'test-invalid-secondary-aud', 'test-invalid-null-alg', 'test-invalid-alternate-alg', 'test-invalid-expired-exp', 'test-invalid-missing-exp',
      'test-invalid-missing-aud', 'test-invalid-missing-iss', 'test-valid-aud-as-array', 'test-invalid-nonce', 'test-invalid-missing-nonce',
      'test-invalid-authorization-response-iss', 'test-remove-authorization-response-iss',
      'test-ensure-authorization-response-with-invalid-state-fails', 'test-ensure-authorization-response-with-invalid-missing-state-fails',
      'test-token-endpoint-response-without-expires_in', 'test-token-type-case-insensitivity', 'test-rs-dpop-auth-scheme-case-insensitivity',
      'test-invalid-openbanking-intent-id', 'refresh-token-test'
    )
  },
  { name: 'oidcc-client-refreshtoken-test-plan', tests: oidcc('refresh-token', 'refresh-token-invalid-issuer', 'refresh-token-invalid-sub') },
  {
    name: 'oidcc-client-back-channel-logout-rp-basic',
    tests: oidcc(...['', '-alg-none', '-no-event', '-with-nonce', '-wrong-alg', '-wrong-aud', '-wrong-event', '-wrong-iss'].map((end) => `rp-backchannel-rpinitlogout${end}`))
  },
  { name: 'oidcc-client-rp-initiated-logout-rp-basic', tests: oidcc('rp-init-logout', 'rp-init-logout-other-state', 'rp-init-logout-no-state') },
  { name: 'oidcc-client-test-3rd-party-init-login-test-plan', tests: oidcc('3rd-party-init-login') }
]

/** Tests of those plans that have no case, and why. */
export const withoutCase: Readonly<Record<string, string>> = {
  'oidcc-client-test-userinfo-bearer-body': 'the access token goes in the header, never in a body (RFC 6750 section 2.2)',
  'fapi2-security-profile-final-client-test-invalid-openbanking-intent-id': 'the claim belongs to Open Banking in the United Kingdom'
}
