import { describe, expect, it } from 'vitest'
import { headerOf, refusedFile, reportFile } from './importing'

const refused = [
  { line: 3, id: 'd3', column: 'name', message: 'too long, "64" at most', text: 'd3,x' },
  { line: 9, id: '', column: '', message: '=1+1', text: '"a\nb",2' },
]

describe('headerOf', () => {
  it('is the first line without the mark', async () => {
    expect(await headerOf(new Blob(['\uFEFFid,name\r\nd1,x\r\n']))).toBe('id,name')
    expect(await headerOf(new Blob(['\n\n设备ID,名称\nd1']))).toBe('设备ID,名称')
    expect(await headerOf(new Blob([]))).toBe('')
  })
})

describe('refusedFile', () => {
  it('can be imported again as it is', () => {
    expect(refusedFile('id,name', refused)).toBe('\uFEFFid,name\r\nd3,x\r\n"a\nb",2\r\n')
  })
})

describe('reportFile', () => {
  it('quotes what must be quoted and makes no formulas', () => {
    expect(reportFile(['line', 'id', 'column', 'reason', 'text'], refused)).toBe(
      '\uFEFFline,id,column,reason,text\r\n' +
        '3,d3,name,"too long, ""64"" at most","d3,x"\r\n' +
        `9,,,'=1+1,"""a\nb"",2"\r\n`,
    )
  })
})
