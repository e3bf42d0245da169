/**
 * A response whose body is already here. Reading it costs a tenth of what the stream inside of a plain `Response`
 * does, and one that is no JSON fails without quoting it.
 */
export class BufferedResponse extends Response {
  override readonly text: () => Promise<string>
  override readonly json: () => Promise<unknown>
  override readonly arrayBuffer: () => Promise<ArrayBuffer>
  override readonly clone: () => BufferedResponse

  /** `content` is the body, or the value that the body is the JSON of. */
  constructor (content: string | object, init: Pick<ResponseInit, 'status' | 'headers'>) {
    super(null, init)
    this.text = async () => typeof content === 'string' ? content : JSON.stringify(content)
    this.json = async () => typeof content === 'string' ? parse(content) : content
    this.arrayBuffer = async () => new TextEncoder().encode(await this.text()).buffer
    this.clone = () => new BufferedResponse(content, this)
  }
}

function parse (body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new SyntaxError('The body is not JSON')
  }
}
