import { describe, expect, it } from 'vitest'
import { parseIds, textOfFile } from './idList'

const idsOf = (text: string) => parseIds(text).ids

describe('parseIds', () => {
  it('takes lines, commas, semicolons, tabs, blanks and the Chinese signs', () => {
    expect(idsOf('d1\nd2\r\nd3')).toEqual(['d1', 'd2', 'd3'])
    expect(idsOf('d1, d2;d3\td4')).toEqual(['d1', 'd2', 'd3', 'd4'])
    expect(idsOf('d1，d2；d3、d4')).toEqual(['d1', 'd2', 'd3', 'd4'])
    expect(idsOf('  d1   d2 ')).toEqual(['d1', 'd2'])
  })

  it('takes the column of a file that has a header', () => {
    expect(idsOf('\uFEFFid,name\nd1,Gate 1\nd2,"Gate, 2"\n')).toEqual(['d1', 'd2'])
    expect(idsOf('名称,设备ID\n一号,d1\n')).toEqual(['d1'])
    expect(idsOf('name\tdevice_id\nGate\td1')).toEqual(['d1'])
    expect(idsOf('ID\nd1\nd2')).toEqual(['d1', 'd2'])
  })

  it('prefers the id of the device in a file of records', () => {
    expect(idsOf('recordId,deviceId\n77,d1\n78,d2')).toEqual(['d1', 'd2'])
    expect(idsOf('id,deviceId\n77,d1')).toEqual(['d1'])
  })

  it('keeps each id once and counts the rest', () => {
    expect(parseIds('d1,d2,d1,d1')).toEqual({ ids: ['d1', 'd2'], repeated: 2, invalid: [] })
  })

  it('tells what can be no id', () => {
    expect(parseIds('d1,d/2,<script>')).toEqual({
      ids: ['d1'],
      repeated: 0,
      invalid: ['d/2', '<script>'],
    })
  })

  it('takes away the guard of a spreadsheet', () => {
    expect(idsOf("'-d1")).toEqual(['-d1'])
  })

  it('reads quoted cells with quotes and line breaks', () => {
    expect(idsOf('name,id\n"a ""b""\nc",d1\n')).toEqual(['d1'])
  })

  it('finds nothing in nothing', () => {
    expect(parseIds(' \n, ;')).toEqual({ ids: [], repeated: 0, invalid: [] })
  })
})

describe('textOfFile', () => {
  it('reads UTF-8, and GBK where it is none', async () => {
    expect(await textOfFile(new Blob(['设备ID\nd1']))).toBe('设备ID\nd1')
    const gbk = new Uint8Array([0xc9, 0xe8, 0xb1, 0xb8, 0x49, 0x44])
    expect(await textOfFile(new Blob([gbk]))).toBe('设备ID')
  })
})
