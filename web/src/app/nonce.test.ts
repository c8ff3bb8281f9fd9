import { expect, it } from 'vitest'
import { nonceForStyles } from './nonce'

it('gives the nonce to styles, and to nothing else', () => {
  const page = document.implementation.createHTMLDocument()
  nonceForStyles('n1', page)

  expect(page.createElement('style').nonce).toBe('n1')
  expect(page.createElement('STYLE').nonce).toBe('n1')
  expect(page.createElement('script').nonce).not.toBe('n1')
})

it('changes nothing when the page has no nonce', () => {
  const page = document.implementation.createHTMLDocument()
  const before = page.createElement
  nonceForStyles('', page)
  expect(page.createElement).toBe(before)
})
