# SPDX-License-Identifier: MIT
set(TREADLE_VERSION 0.1.0)
