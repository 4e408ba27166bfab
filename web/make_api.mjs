// SPDX-License-Identifier: MIT
// Writes API.md, the reference of the library, from its declarations (lib/*.d.ts): `npm run api`. A test fails while it
// is not current. Needs the development dependency typescript.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const WEB = path.dirname(fileURLToPath(import.meta.url));
export const TARGET = path.join(WEB, 'API.md');

/** What is imported, and the declarations of it. */
const MODULES = [
  ['vit158', 'vit158.d.ts'],
  ['vit158/classes', 'classes.d.ts'],
  ['vit158/golden', 'golden.d.ts'],
  ['vit158/inline', 'inline.d.ts'],
  ['vit158/worker', 'worker_service.d.ts'],
];

/** @param {string} text of a cell @returns {string} */
const cell = (text) => text.replaceAll('|', '\\|').replace(/\s+/g, ' ').trim();

/**
 * The words of the comment before a declaration; code in it stays code.
 * @param {ts.Node} node
 * @param {number} [from]  comments before this place belong to something else
 * @returns {string}
 */
function docOf(node, from = 0) {
  const comments = ts.getJSDocCommentsAndTags(node).filter((one) => ts.isJSDoc(one) && one.pos >= from);
  return comments
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '')
    .join('\n')
    .trim();
}

/** @param {ts.Node} node @returns {string} as declared, without its comment */
const codeOf = (node) => node.getText().replace(/^export (declare )?/, '');

/** @param {ts.Node} node  that may have a name */
const nameOf = (node) => /** @type {any} */ (node).name?.getText() ?? '';

/** @param {ts.Node} node */
const isHidden = (node) =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword);

/** @param {string} code */
const fenced = (code) => ['```ts', code, '```'];

/** @param {readonly ts.TypeElement[]} members of an interface @returns {string[]} a table */
function tableOf(members) {
  const rows = members.map((member) => {
    const property = /** @type {ts.PropertySignature} */ (member);
    const type = property.type ? cell(property.type.getText()) : cell(codeOf(member));
    return `| \`${nameOf(member)}${property.questionToken ? '?' : ''}\` | \`${type}\` | ${cell(docOf(member))} |`;
  });
  return ['| member | type | meaning |', '|---|---|---|', ...rows];
}

/** @param {ts.ClassDeclaration} declaration @returns {string[]} a table */
function membersOf({ members }) {
  const rows = members
    .filter((member) => !isHidden(member))
    .map((member) => `| \`${cell(codeOf(member).replace(/;$/, ''))}\` | ${cell(docOf(member))} |`);
  return ['| member | meaning |', '|---|---|', ...rows, ''];
}

/**
 * @param {ts.TypeNode} type
 * @returns {string[]} a table of a union whose values are described one by one, else nothing
 */
function valuesOf(type) {
  if (!ts.isUnionTypeNode(type)) return [];
  const text = type.getSourceFile().text;
  const rows = type.types.map((one, i) => {
    // The comment stands before the bar, so it is no part of the value.
    const before = text.slice(i === 0 ? type.getFullStart() : type.types[i - 1].end, one.getStart());
    return [one.getText(), /\/\*\* ?([^]*?) ?\*\//.exec(before)?.[1] ?? ''];
  });
  if (!rows.every(([, words]) => words)) return [];
  return ['| value | meaning |', '|---|---|', ...rows.map(([value, words]) => `| \`${value}\` | ${cell(words)} |`)];
}

/** @param {string} text @returns {string[]} with an empty line after it, none for '' */
const paragraph = (text) => (text ? ['', text, ''] : ['']);

/**
 * @param {ts.Statement} statement
 * @param {number} from  where the module's own comment ends
 * @returns {string[]} nothing for what is not exported
 */
function describe(statement, from) {
  if (ts.isExportDeclaration(statement)) return [`All of [\`vit158\`](#vit158): \`${statement.getText()}\``, ''];
  const isExported =
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!isExported) return [];
  const doc = docOf(statement, from);
  if (ts.isVariableStatement(statement)) {
    const [declaration] = statement.declarationList.declarations;
    return [`### ${nameOf(declaration)}`, '', ...fenced(codeOf(statement)), ...paragraph(doc)];
  }
  const head = [`### ${nameOf(statement)}`, ...(doc ? [doc, ''] : [''])];
  if (ts.isClassDeclaration(statement)) {
    const extended = statement.heritageClauses?.map((clause) => `\`${clause.getText()}\``).join(' ');
    return [...head, ...(extended ? [extended, ''] : []), ...membersOf(statement)];
  }
  const values = ts.isTypeAliasDeclaration(statement) ? valuesOf(statement.type) : [];
  if (values.length > 0) return [...head, ...values, ''];
  if (ts.isInterfaceDeclaration(statement)) {
    const extended = statement.heritageClauses?.map((clause) => clause.getText()).join(' ');
    const also = extended ? [`\`${extended}\`${statement.members.length > 0 ? ', and' : ''}`, ''] : [];
    return [...head, ...also, ...(statement.members.length > 0 ? [...tableOf(statement.members), ''] : [])];
  }
  return [...head, ...fenced(codeOf(statement).replace(/;$/, '')), ''];
}

/** @param {string} specifier @param {string} file in lib/ @returns {string[]} */
function moduleText(specifier, file) {
  const text = readFileSync(path.join(WEB, 'lib', file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  // A comment at the top, with no declaration right below it, describes the module.
  const [about = '', words = ''] = /^\/\/.*\n\/\*\*\n([^]*?)\n \*\/\n(?=\n|import)/.exec(text) ?? [];
  const intro = words.replace(/^ \* ?/gm, '');
  return [`## ${specifier}`, ...paragraph(intro), ...source.statements.flatMap((one) => describe(one, about.length))];
}

/** @returns {string} */
export function apiText() {
  const lines = [
    '# API reference',
    '',
    'Made from `lib/*.d.ts` by `npm run api`; the [guide](README.md) has the examples.',
    '',
    ...MODULES.flatMap(([specifier, file]) => moduleText(specifier, file)),
  ];
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) writeFileSync(TARGET, apiText());
