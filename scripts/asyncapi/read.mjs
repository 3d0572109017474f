// Reads AsyncAPI documents with the official parser. What it finds wrong goes to standard error,
// and makes the exit code 1; a warning does not.
import { readFile } from 'node:fs/promises';
import { Parser } from '@asyncapi/parser';

const severities = ['error', 'warning', 'information', 'hint'];

async function check(file) {
  const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'), { source: file });
  for (const d of diagnostics) {
    if (d.severity < 2) console.error(`${file}: ${severities[d.severity]} at /${d.path.join('/')}: ${d.message}`);
  }
  if (!document || diagnostics.some(d => d.severity === 0)) return false;
  const messages = document.allMessages().length;
  console.log(`${file}: AsyncAPI ${document.version()}, ${document.channels().length} channels, ${document.operations().length} operations, ${messages} messages`);
  return messages > 0;
}

let valid = process.argv.length > 2;
for (const file of process.argv.slice(2)) valid = (await check(file)) && valid;
process.exitCode = valid ? 0 : 1;
