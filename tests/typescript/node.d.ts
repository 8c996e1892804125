// The parts of Node's modules that the tests use in the runtime.

declare module "node:stream" {
  export class Transform {
    constructor(options: { encoding?: string; decodeStrings?: boolean; transform(text: string, encoding: string, done: (error: null, text: string) => void): void });
    write(text: string): boolean;
    end(): unknown;
    once(event: string, listener: (...given: any[]) => void): unknown;
    pipe<To>(to: To): To;
  }
}
