// SPDX-License-Identifier: MIT
export default { serverExternalPackages: ['vit158'] };
