// Opens .om files with Netron's own loader, without a window: node netron_open.mjs NETRON_FOLDER [--names] FILE...
// Prints a line of JSON for each file: the graphs as Netron shows them, and the message as Netron's schema decodes it;
// with --names only what the graphs are called; what went wrong where a file does not open.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as url from 'node:url';

const [folder, ...words] = process.argv.slice(2);
const load = (name) => import(url.pathToFileURL(path.join(folder, name)).href);
const base = await load('base.js');
const om = await load('om.js');
const types = new Map(JSON.parse(fs.readFileSync(path.join(folder, 'om-metadata.json'), 'utf-8')).map((t) => [t.name, t]));

const text = (value) => value === null || value === undefined ? null : value.toString();
const list = (args) => args.map((arg) => [arg.name, arg.value.map((v) => [v.name, text(v.type), v.initializer !== null])]);
const graph = (g) => ({
    name: g.name,
    nodes: g.nodes.map((n) => ({ name: n.name, type: n.type.name, inputs: list(n.inputs), outputs: list(n.outputs) }))
});
const plain = (_, value) => {
    if (typeof value === 'bigint') {
        return Number(value);
    }
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
};

const open = async (file) => {
    const context = {
        stream: new base.BinaryStream(new Uint8Array(fs.readFileSync(file))),
        set: (_, value) => { context.value = value; return 'om'; },
        metadata: async () => ({ type: (name) => types.get(name) }),
        require: (name) => load(`${name}.js`)
    };
    const factory = new om.ModelFactory();
    if (await factory.match(context) === null) {
        throw new Error('Netron takes this for another format.');
    }
    const container = context.value;
    const model = await factory.open(context);
    const graphs = model.modules.map(graph);
    return words.includes('--names') ? { graphs: graphs.map((g) => g.name) } : { graphs, message: container.model };
};

for (const file of words.filter((word) => !word.startsWith('--'))) {
    let result = {};
    try {
        result = await open(file);
    } catch (error) {
        result = { error: error.message };
    }
    process.stdout.write(`${JSON.stringify({ file, ...result }, plain)}\n`);
}
