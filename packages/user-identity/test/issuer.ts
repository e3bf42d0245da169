import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose'

/** An issuer whose keys are made for the test. */
export interface TestIssuer {
  issuer: string
  jwk: JWK
  privateKey: CryptoKey
  /** Signs these claims over the usual ones, without the claim `omitted`. */
  sign: (claims?: JWTPayload, header?: Record<string, unknown>, omitted?: string) => Promise<string>
}

export const audience = 'https://api.example.com'
export const now = (): number => Math.floor(Date.now() / 1000)

export async function testIssuer (issuer = 'https://issuer.example.com', algorithm = 'ES256', kid = 'k1'): Promise<TestIssuer> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm)
  return {
    issuer,
    jwk: { ...await exportJWK(publicKey), kid, alg: algorithm, use: 'sig' },
    privateKey,
    sign: (claims = {}, header = {}, omitted) => {
      const all = { iss: issuer, aud: audience, sub: 'carol', iat: now(), exp: now() + 60, ...claims }
      return new SignJWT(Object.fromEntries(Object.entries(all).filter(([name]) => name !== omitted)))
        .setProtectedHeader({ alg: algorithm, kid, ...header }).sign(privateKey)
    }
  }
}
