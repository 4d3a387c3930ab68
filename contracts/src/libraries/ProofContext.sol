// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title ProofContext
/// @notice Word 0 of every instance: binds a proof to one use on one chain, by one oracle, for one payee.
library ProofContext {
    function compute(
        uint256 chainId,
        address oracle,
        uint8 mode,
        bytes32[] memory requestIds,
        address payee,
        uint64 expiry
    ) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(chainId, oracle, mode, requestIds, payee, expiry))) >> 8;
    }
}
