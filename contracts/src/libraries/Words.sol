// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Words
/// @notice The encodings that contracts share with circuit, interpreter and publisher (docs/protocol.md).
library Words {
    /// @notice Order of BN254's scalar field.
    uint256 internal constant R = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;

    uint256 internal constant INPUT_LANES = 6;
    uint256 internal constant INPUT_BITS = 42;
    uint256 internal constant INPUT_OFFSET = 1 << 40;
    uint256 internal constant OUTPUT_LANES = 3;
    uint256 internal constant OUTPUT_BITS = 64;
    uint256 internal constant OUTPUT_OFFSET = 1 << 63;
    uint256 internal constant FLAG_IN_DOMAIN = 1 << 192;
    uint256 internal constant FLAG_UNSATURATED = 1 << 193;

    /// @notice An input value is outside `[-2^40, 2^40)`.
    error InputOutOfRange(uint256 index, int256 got);

    /// @notice Words of a packed tensor of `length` values, which is a length of something and thus far from overflowing.
    function inputWords(uint256 length) internal pure returns (uint256) {
        unchecked {
            return (length + INPUT_LANES - 1) / INPUT_LANES;
        }
    }

    /// @notice Words of `count` packed outputs; `count` is a length as well.
    function outputWords(uint256 count) internal pure returns (uint256) {
        unchecked {
            return (count + OUTPUT_LANES - 1) / OUTPUT_LANES;
        }
    }

    /// @notice Packs a tensor: six 42-bit lanes a word, offset binary with offset 2^40, first value lowest.
    function packInputs(int64[] memory values) internal pure returns (uint256[] memory words) {
        words = new uint256[](inputWords(values.length));
        for (uint256 j = 0; j < values.length; ++j) {
            int256 shifted = int256(values[j]) + int256(INPUT_OFFSET);
            if (shifted < 0 || shifted >= int256(INPUT_OFFSET << 1)) revert InputOutOfRange(j, values[j]);
            words[j / INPUT_LANES] |= uint256(shifted) << (INPUT_BITS * (j % INPUT_LANES));
        }
    }

    /// @notice Packs outputs: three 64-bit lanes a word, offset binary with offset 2^63; flags in the first word.
    function packOutputs(int64[] memory values, bool inDomain, bool unsaturated)
        internal
        pure
        returns (uint256[] memory words)
    {
        words = new uint256[](outputWords(values.length));
        for (uint256 j = 0; j < values.length; ++j) {
            uint256 lane = uint256(int256(values[j]) + int256(OUTPUT_OFFSET));
            words[j / OUTPUT_LANES] |= lane << (OUTPUT_BITS * (j % OUTPUT_LANES));
        }
        if (inDomain) words[0] |= FLAG_IN_DOMAIN;
        if (unsaturated) words[0] |= FLAG_UNSATURATED;
    }

    /// @notice Lane `lane` of one output word.
    function outputLane(uint256 word, uint256 lane) internal pure returns (int64) {
        return int64(uint64(word >> (OUTPUT_BITS * lane)) ^ uint64(OUTPUT_OFFSET));
    }

    /// @notice The first `count` outputs of packed words.
    function unpackOutputs(uint256[] memory words, uint256 count) internal pure returns (int64[] memory values) {
        values = new int64[](count);
        // No index overflows: `count` is a length.
        unchecked {
            for (uint256 at = 0; at < count; at += OUTPUT_LANES) {
                uint256 word = words[at / OUTPUT_LANES];
                uint256 end = at + OUTPUT_LANES < count ? at + OUTPUT_LANES : count;
                for (uint256 j = at; j < end; ++j) {
                    values[j] = int64(uint64(word) ^ uint64(OUTPUT_OFFSET));
                    word >>= OUTPUT_BITS;
                }
            }
        }
    }

    /// @notice Bits that may be set in output word `index` of a vector of `count` values; `index < outputWords(count)`.
    function outputMask(uint256 index, uint256 count) internal pure returns (uint256 mask) {
        unchecked {
            uint256 lanes = count - index * OUTPUT_LANES;
            if (lanes > OUTPUT_LANES) lanes = OUTPUT_LANES;
            mask = (1 << (OUTPUT_BITS * lanes)) - 1;
        }
        if (index == 0) mask |= FLAG_IN_DOMAIN | FLAG_UNSATURATED;
    }
}
