/** The nonce of the content security policy, without which no style made at run time applies. */

/** As the server wrote it into the page. */
export const styleNonce =
  document.querySelector('meta[name="csp-nonce"]')?.getAttribute('content') ?? ''

/**
 * Gives every style element that is made from now on the nonce. The kit takes it for its components' styles but
 * forgets it for their CSS variables (antdv-next 1.3.3), and then every padding and colour is missing.
 */
export function nonceForStyles(nonce = styleNonce, page: Document = document) {
  if (!nonce) return
  const create = page.createElement.bind(page)
  page.createElement = (name: string, options?: ElementCreationOptions) => {
    const element = create(name, options)
    if (name.toLowerCase() === 'style') element.nonce = nonce
    return element
  }
}
