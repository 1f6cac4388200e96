export type TestAnswer = {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON, or the text when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely and would fail on a wrong shape.
  readonly body: any;
};

export type TestRequest = {
  readonly token?: string;
  /** JSON, or bytes or text sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
};

const toAnswer = async (response: Response): Promise<TestAnswer> => {
  const text = await response.text();
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // Not every answer is JSON.
  }
  return { status: response.status, headers: response.headers, body };
};

type FetchBody = NonNullable<Parameters<typeof fetch>[1]>['body'];

const toBody = (body: unknown): FetchBody =>
  body === undefined || typeof body === 'string' || body instanceof Uint8Array
    ? (body as FetchBody)
    : JSON.stringify(body);

export type SendRequest = (
  method: string,
  path: string,
  request?: TestRequest,
) => Promise<TestAnswer>;

/** Sends requests to one server; redirects are not followed. */
export const requestsTo =
  (url: string): SendRequest =>
  async (method, path, { token, body, headers } = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(token && { Authorization: `Bearer ${token}` }), ...headers },
      body: toBody(body) ?? null,
      redirect: 'manual',
    });
    return toAnswer(response);
  };
