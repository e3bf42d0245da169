import { exportJWK, generateKeyPair, SignJWT, type JSONWebKeySet, type JWTPayload } from 'jose'

export const issuer = 'https://issuer.example.com'
export const audience = 'https://api.example.com'

/** An issuer of bearer tokens with its keys. */
export async function tokenIssuer (): Promise<{ jwks: JSONWebKeySet, sign: (claims?: JWTPayload, header?: Record<string, string>) => Promise<string> }> {
  const { publicKey, privateKey } = await generateKeyPair('ES256')
  const jwks = { keys: [{ ...await exportJWK(publicKey), kid: 'k', alg: 'ES256', use: 'sig' }] }
  return {
    jwks,
    sign: (claims = {}, header = {}) => new SignJWT({ iss: issuer, aud: audience, sub: 'carol', exp: Math.floor(Date.now() / 1000) + 3600, ...claims })
      .setProtectedHeader({ alg: 'ES256', kid: 'k', ...header }).setIssuedAt().sign(privateKey)
  }
}
