// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Words} from "../../src/libraries/Words.sol";

/// @notice For halmos (scripts/halmos): true for all values, not for those that a fuzzer happened to try. forge does not run
/// functions called `check_`.
contract WordsSymbolic {
    /// @dev Packing three outputs and reading each lane gives them back. Without flags: halmos 0.3.3 loses track of a lane
    /// below a constant bit; the next check and the fuzz tests have them.
    function check_outputsRoundTrip(int64 a, int64 b, int64 c) public pure {
        uint256 word = _packOutputs(a, b, c, false, false);
        assert(Words.outputLane(word, 0) == a);
        assert(Words.outputLane(word, 1) == b);
        assert(Words.outputLane(word, 2) == c);
    }

    /// @dev The flags are where they should be, no other bit is set, and the word is in the field.
    function check_flags(int64 a, int64 b, int64 c, bool inDomain, bool unsaturated) public pure {
        uint256 word = _packOutputs(a, b, c, inDomain, unsaturated);
        assert((word & Words.FLAG_IN_DOMAIN != 0) == inDomain);
        assert((word & Words.FLAG_UNSATURATED != 0) == unsaturated);
        assert(word & ~Words.outputMask(0, 3) == 0);
        assert(word < Words.R);
    }

    /// @dev Two tensors of two values that differ never pack alike (the commitment's `pack` is injective), and what is
    /// packed is in the field.
    function check_inputsPackInjectively(int64 a, int64 b, int64 c, int64 d) public pure {
        uint256 left = _pack(a, b);
        uint256 right = _pack(c, d);
        assert(left < Words.R);
        assert((left == right) == (a == c && b == d));
    }

    function _packOutputs(int64 a, int64 b, int64 c, bool inDomain, bool unsaturated) private pure returns (uint256) {
        int64[] memory values = new int64[](3);
        (values[0], values[1], values[2]) = (a, b, c);
        return Words.packOutputs(values, inDomain, unsaturated)[0];
    }

    function _pack(int64 a, int64 b) private pure returns (uint256) {
        int64[] memory values = new int64[](2);
        (values[0], values[1]) = (a, b);
        return Words.packInputs(values)[0];
    }
}
