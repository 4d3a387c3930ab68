// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title SrsDigests
/// @notice Structured reference strings that contracts know by name: keccak256 of the compressed `τG₂` (64 bytes).
library SrsDigests {
    /// @notice The INSECURE development string: its τ comes from a public seed, so anyone can prove anything with it.
    /// `dodona srs dev --k 4` prints this value; it is the same for every size.
    bytes32 internal constant DEV_SRS_DIGEST = 0x74ac549e8d3a872619ff2c07a179d994f01c7eef1bb4ef89ee6316ebf1187d31;
}
