/** Parts of a product's version bar. */
import { devicesOfProductLink } from '@/app/links'

export interface ProductVersions {
  productId: string
  productName: string
  total: number
  versions: { version: string; count: number }[]
  otherCount: number
  unknownCount: number
}

export interface Segment {
  name: string
  count: number
  colour: string
  /** The devices behind it. */
  to?: string
}

const colours = [
  '#1668dc',
  '#2c9a52',
  '#d48806',
  '#8b5cd6',
  '#0f9aa8',
  '#c2528b',
  '#7a8b2a',
  '#b0563b',
]
const grey = '#8a95a5'
const paleGrey = '#b9c1cc'

/** Most frequent versions first, then the others, then devices whose version is not known. */
export function segmentsOf(product: ProductVersions, other: string, unknown: string): Segment[] {
  const known = product.versions.map(({ version, count }, index) => ({
    name: version,
    count,
    colour: colours[index % colours.length]!,
    to: devicesOfProductLink(product.productId, version),
  }))
  const rest = [
    { name: other, count: product.otherCount, colour: grey },
    { name: unknown, count: product.unknownCount, colour: paleGrey },
  ]
  return [...known, ...rest].filter((segment) => segment.count > 0)
}
