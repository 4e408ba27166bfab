// SPDX-License-Identifier: MIT
// On the server the package stays as it is installed: its workers and modules are files beside one another.
export default { serverExternalPackages: ['vit158'] };
