// Encodes raw RGBA pixels with mozjpeg: node mozjpeg.mjs MODULES PIXELS WIDTH HEIGHT OUT QUALITY...
// MODULES is the folder in which `npm install @jsquash/jpeg` was run; writes OUT-QUALITY.jpg.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, pixels, width, height, out, ...qualities] = process.argv.slice(2);
const folder = path.resolve(modules, 'node_modules/@jsquash/jpeg');
const { default: encode, init } = await import(pathToFileURL(path.join(folder, 'encode.js')));
await init(await WebAssembly.compile(fs.readFileSync(path.join(folder, 'codec/enc/mozjpeg_enc.wasm'))));
const data = new Uint8ClampedArray(fs.readFileSync(pixels));
for (const quality of qualities) {
  const file = await encode({ data, width: +width, height: +height }, { quality: +quality });
  fs.writeFileSync(`${out}-${quality}.jpg`, Buffer.from(file));
}
