// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title SafeCall
/// @notice Calls into code that may be hostile: a known amount of gas, and no more return data than wanted.
library SafeCall {
    /// @dev Cold account and memory, before the 63/64 rule applies.
    uint256 private constant CALL_OVERHEAD = 10_000;

    /// @notice Gas that must be left so that a call can be given `limit` (EIP-150 keeps back 1/64).
    function gasFor(uint256 limit) internal pure returns (uint256) {
        return limit + limit / 63 + CALL_OVERHEAD;
    }

    /// @notice Calls `target` with `limit` gas and copies at most `maxReturn` bytes of what comes back.
    /// @dev The caller has checked `gasFor(limit)`; the EVM lowers `limit` if that was not so.
    function callWithGas(address target, uint256 limit, bytes memory data, uint256 maxReturn)
        internal
        returns (bool ok, bytes memory returned)
    {
        returned = new bytes(maxReturn);
        assembly ("memory-safe") {
            ok := call(limit, target, 0, add(data, 0x20), mload(data), 0, 0)
            let size := returndatasize()
            if gt(size, maxReturn) { size := maxReturn }
            returndatacopy(add(returned, 0x20), 0, size)
            mstore(returned, size)
        }
    }
}
