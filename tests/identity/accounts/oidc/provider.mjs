// An identity provider of npm `oidc-provider` on loopback: whoever comes is Petra, and agrees. Says its address in one line.
// Arguments: the redirect address, and the public key of the client as JWK.
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [redirect, key] = process.argv.slice(2);
const shared = { redirect_uris: [redirect], response_types: ['code'], grant_types: ['authorization_code'] };
const server = createServer();

server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      { ...shared, client_id: 'hanse', client_secret: 'ge:heim' },
      {
        ...shared, client_id: 'with-key', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [JSON.parse(key)] },
        token_endpoint_auth_signing_alg: 'ES256',
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub', 'groups'], profile: ['name', 'preferred_username'], email: ['email'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['only for tests'] },
    interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (ctx, id) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: ['rathaus'], name: 'Petra Muster', preferred_username: 'petra', email: 'p@example.org' }),
    }),
  });
  const answer = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url.startsWith('/interaction/')) return answer(request, response);
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'login') {
      return provider.interactionFinished(request, response, { login: { accountId: '4711' } });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope('openid profile email');
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
  });
  console.log(JSON.stringify({ issuer }));
});
process.stdin.on('close', () => process.exit()).resume();
