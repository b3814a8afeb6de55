#!/usr/bin/env node
// SPDX-License-Identifier: MIT
// Finds the program in the package of this platform, and becomes it as far as node can: the same words,
// the same streams, signals handed on, the same end.
'use strict';

const { spawn } = require('child_process');
const { constants } = require('os');
const path = require('path');

const packages = { 'linux-x64': 'canisterfs-linux-x64' };

function fail(why) {
  process.stderr.write(`canisterfs: ${why}\n`);
  process.exit(1);
}

function program() {
  const platform = `${process.platform}-${process.arch}`;
  const name = packages[platform];
  if (!name) {
    fail(`there is no package for ${platform}, only for ${Object.keys(packages).join(', ')}; `
      + 'elsewhere run it in a container, or build it from its source');
  }
  try {
    return path.join(path.dirname(require.resolve(`${name}/package.json`)), 'bin', 'canisterfs');
  } catch {
    return fail(`the package ${name} is not installed: install again without --omit=optional`);
  }
}

const child = spawn(program(), process.argv.slice(2), { stdio: 'inherit' });
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

for (const signal of signals) {
  // The terminal sends SIGINT and SIGQUIT to the program itself.
  const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT');
  process.on(signal, () => fromTerminal || child.kill(signal));
}
child.on('error', (error) => fail(`cannot be started: ${error.message}`));
child.on('exit', (status, signal) => process.exit(signal ? 128 + constants.signals[signal] : status));
