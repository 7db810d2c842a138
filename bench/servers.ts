// A server in a process of its own: node servers.js NAME [API-URL]. Sends its port to the parent.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fetch } from 'cross-fetch';
import { dedupe, fallbackToText, react, text, traceOf } from 'tidewire';
import { chatfirstAdapter, fromChatfirstAdapter, toChatfirst } from 'tidewire/chatfirst';
import { fromRocketChat, rocketchatWebhook } from 'tidewire/rocketchat';
import { fromUserlike, toUserlike, userlikeClient, userlikeWebhook } from 'tidewire/userlike';

const HEADER = 'api-security-token';
const SECRET = 'secret';
const MAX_BYTES = 1_048_576;

const bodyOf = (request: IncomingMessage, use: (body: string) => void): void => {
  const chunks: Buffer[] = [];
  let length = 0;
  request.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= MAX_BYTES) chunks.push(chunk);
  });
  request.on('end', () => {
    use(Buffer.concat(chunks).toString());
  });
};
const end = (response: ServerResponse, status: number, body = ''): void => {
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
};
const answerTo = (body: string): string => {
  const { info, packet } = JSON.parse(body) as { info: { cid: string }; packet: { payload: { body: string } } };
  return JSON.stringify({
    info: { cid: info.cid },
    packet: { name: 'message', payload: { body: `You said: ${packet.payload.body}` } },
  });
};

const ours = (api: string, isDirect: boolean): RequestListener => {
  const webhook = userlikeWebhook({ headers: { [HEADER]: SECRET } });
  const client = userlikeClient({ url: api, token: SECRET });
  fromUserlike({ webhook })
    .pipe(
      dedupe(),
      react((event) => (event.kind === 'message' ? text(`You said: ${event.text}`) : undefined)),
      fallbackToText(),
      toUserlike(isDirect ? { client, webhook } : { client }),
    )
    .subscribe({
      error: (error: unknown) => {
        throw error;
      },
    });
  return webhook.node;
};

const bareDirect: RequestListener = (request, response) => {
  if (request.headers[HEADER] !== SECRET) {
    end(response, 401);
    return;
  }
  bodyOf(request, (body) => {
    end(response, 200, answerTo(body));
  });
};
const bareApi =
  (api: string): RequestListener =>
  (request, response) => {
    bodyOf(request, (body) => {
      const headers = { 'content-type': 'application/json', 'SECURITY-TOKEN': SECRET };
      fetch(api, { method: 'POST', headers, body: answerTo(body) })
        .then(async (answer) => answer.text())
        .then(
          () => {
            end(response, 200);
          },
          () => {
            end(response, 500);
          },
        );
    });
  };

const oursAdapter = (): RequestListener => {
  const adapter = chatfirstAdapter({ path: '/tea' });
  fromChatfirstAdapter({ adapter })
    .pipe(
      dedupe(),
      react((event) => (event.kind === 'message' ? text(`You said: ${event.text}`) : undefined)),
      toChatfirst({ adapter }),
    )
    .subscribe({
      error: (error: unknown) => {
        throw error;
      },
    });
  return adapter.node;
};
const bareAdapter: RequestListener = (request, response) => {
  const said = new URL(request.url ?? '/', 'http://localhost').searchParams.get('msg') ?? '';
  end(response, 200, JSON.stringify({ Count: 1, Messages: [`You said: ${said}`] }));
};

const oursRocketchat = (): RequestListener => {
  const webhook = rocketchatWebhook({ secret: SECRET });
  fromRocketChat({ webhook, self: 'aGt9SwEdR4fVb6HyN' }).subscribe({
    next: (event) => {
      traceOf(event)?.conclude('handled');
    },
    error: (error: unknown) => {
      throw error;
    },
  });
  return webhook.node;
};
const bareRocketchat: RequestListener = (request, response) => {
  if (request.headers['x-rocketchat-livechat-token'] !== SECRET) {
    end(response, 401);
    return;
  }
  bodyOf(request, (body) => {
    const { messages } = JSON.parse(body) as { readonly messages: readonly unknown[] };
    end(response, messages.length === 0 ? 400 : 200, '{}');
  });
};

const [, , name, api = 'http://127.0.0.1:1'] = process.argv;
const listeners: Readonly<Record<string, () => RequestListener>> = {
  'ours-direct': () => ours(api, true),
  'bare-direct': () => bareDirect,
  'ours-api': () => ours(api, false),
  'bare-api': () => bareApi(api),
  persona: () => (request, response) => {
    bodyOf(request, () => {
      end(response, 200, '{"reply":"Hi","replies":["Hi"],"session_id":"s-1","ignored":false}');
    });
  },
  'ours-adapter': oursAdapter,
  'bare-adapter': () => bareAdapter,
  'ours-rocketchat': oursRocketchat,
  'bare-rocketchat': () => bareRocketchat,
  scenario: () => (request, response) => {
    bodyOf(request, () => {
      if (request.url?.startsWith('/v1/push') === true) end(response, 200);
      else
        end(response, 200, '{"Count":1,"Messages":["Brewing"],"ForcedState":null,"ForcedKeyboard":null,"Entities":[]}');
    });
  },
  api: () => (request, response) => {
    bodyOf(request, () => {
      end(response, 200, '{}');
    });
  },
};
const listener = listeners[name ?? ''];
if (listener === undefined) throw new Error(`there is no server ${name ?? ''}`);
const server = createServer(listener()).listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});
process.on('disconnect', () => process.exit(0));
