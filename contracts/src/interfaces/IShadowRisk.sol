// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskSource} from "./IRiskSource.sol";
import {IRiskValues} from "./IRiskTarget.sol";

/// @title IShadowRisk
/// @notice Proven values without effect, beside the steward's: what a protocol watches before it lets a model act. Each taken
/// answer is compared, in the block in which it arrives, with what the protocol uses then; the distances stay on chain.
/// @dev Deliberately not an `IRiskOracle`: no injector can be pointed at it by mistake. No envelope: a shadow is not judged,
/// so that one sees what it would have proposed. If the adapter cannot be read the callback fails and may be tried again while
/// the answer is fresh; the comparison is then with the steward's value of that later block.
interface IShadowRisk is IRiskSource {
    /// @notice Distances of one field from the steward's value, over all records.
    /// @param maxAbsolute greatest absolute difference, in the field's unit, at most 2^64 - 1.
    /// @param meanAbsolute mean, rounded up.
    /// @param maxBps greatest difference in basis points of the steward's value, rounded up, at most 2^32 - 1 (also where the
    /// steward's value is 0 and the shadow's is not).
    /// @param meanBps mean of those, rounded up.
    struct Distance {
        uint256 maxAbsolute;
        uint256 meanAbsolute;
        uint256 maxBps;
        uint256 meanBps;
    }

    /// @notice The newest record.
    struct Record {
        bytes32 requestId;
        uint64 observedAt;
        uint64 recordedAt;
        uint64 count;
        uint256[] values;
        uint256[] steward;
    }

    event StewardSet(address indexed market, string updateType, IRiskValues steward);
    event ShadowRecorded(
        bytes32 indexed requestId,
        address indexed market,
        string updateType,
        uint256[] values,
        uint256[] steward,
        uint256[] absolute,
        uint256[] bps
    );

    error StewardAlreadySet(address market, string updateType);
    error StewardUnknown(address market, string updateType);
    error StewardFieldCount(uint256 expected, uint256 got);

    /// @notice Owner, once and before the source: where the steward's values are read.
    function setSteward(address market, string calldata updateType, IRiskValues steward) external;

    /// @notice The newest record; `count` 0 if there is none.
    function recordOf(address market, string calldata updateType) external view returns (Record memory);

    /// @notice Distances by field over all `count` records; empty if there is none.
    function distanceOf(address market, string calldata updateType)
        external
        view
        returns (uint64 count, Distance[] memory fields);
}
