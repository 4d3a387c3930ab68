// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title CodeStore
/// @notice Immutable bytes kept as a contract's code: one cold account instead of a cold slot for every word.
/// @dev The code starts with STOP, so that calling it does nothing.
library CodeStore {
    /// @notice Creation failed (too long, or out of gas).
    error StoreFailed(uint256 length);

    function write(bytes memory data) internal returns (address at) {
        // PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: copies what follows these ten bytes.
        bytes memory init = abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
        if (data.length < 24_576) {
            assembly ("memory-safe") {
                at := create(0, add(init, 0x20), mload(init))
            }
        }
        if (at == address(0)) revert StoreFailed(data.length);
    }

    function read(address at) internal view returns (bytes memory data) {
        uint256 size = at.code.length - 1;
        data = new bytes(size);
        assembly ("memory-safe") {
            extcodecopy(at, add(data, 0x20), 1, size)
        }
    }
}
