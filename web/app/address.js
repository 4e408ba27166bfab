// SPDX-License-Identifier: MIT
// The page's address names the model and the tab (?model=NAME&tab=many), so that a link leads to both.
// The model that someone picked is remembered for the next visit, where the browser lets the page.
const KEY = 'vit158.model';

/** @param {'model' | 'tab'} name @returns {string} '' if the address does not say */
export const addressed = (name) => new URLSearchParams(location.search).get(name) ?? '';

/** @param {'model' | 'tab'} name @param {string} value  '' takes it out */
export function setAddress(name, value) {
  const url = new URL(location.href);
  if (value) url.searchParams.set(name, value);
  else url.searchParams.delete(name);
  try {
    if (url.href !== location.href) history.replaceState(history.state, '', url);
  } catch {
    // A page from a disk may not change its address everywhere; it works all the same.
  }
}

/** @returns {string} name of the model picked last, '' if none is known */
export function rememberedModel() {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return ''; // storage is switched off
  }
}

/** @param {string} name */
export function rememberModel(name) {
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // not remembered, then
  }
}
