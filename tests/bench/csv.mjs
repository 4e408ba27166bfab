// SPDX-License-Identifier: MIT
// The history of measurements: comma-separated files with a header line, text in quotes.

/** @param {string | number | undefined} value */
function field(value) {
  if (value === undefined || typeof value === 'number') return String(value ?? '');
  return `"${value.replaceAll('"', '""')}"`;
}

/** @param {string[]} columns @param {Record<string, string | number | undefined>} row */
export function csvLine(columns, row) {
  return columns.map((column) => field(row[column])).join(',');
}

/**
 * Rows by column name; unquoted fields become numbers, empty ones are left out.
 * @param {string} text
 * @returns {Record<string, string | number>[]}
 */
export function parseCsv(text) {
  const [head, ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? (plain === '' ? undefined : Number(plain)),
      ),
    );
  return lines.map((fields) =>
    Object.fromEntries(head.map((name, i) => [name, fields[i]]).filter(([, value]) => value !== undefined)),
  );
}
