/**
 * Gives a page the XDomainRequest of Internet Explorer 8 and 9, without which the client has no xdr transports. Like
 * theirs it sends no cookies to other origins and no Content-Type.
 */
export function defineXDomainRequest() {
  window.XDomainRequest = class {
    #request = new XMLHttpRequest();

    open(method, url) {
      this.#request.onprogress = () => this.onprogress?.();
      this.#request.onload = () => this.onload?.();
      this.#request.onerror = () => this.onerror?.();
      this.#request.open(method, url);
    }

    send(payload) {
      this.#request.send(payload && new Blob([payload])); // a text would have its type
    }

    abort() {
      this.#request.abort();
    }

    get responseText() {
      return this.#request.responseText;
    }
  };
}
