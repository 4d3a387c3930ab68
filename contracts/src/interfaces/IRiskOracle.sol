// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IRiskSource} from "./IRiskSource.sol";

/// @title IRiskOracle
/// @notice Risk parameters as injectors of lending protocols read them. Each update here is a proven answer that passed
/// the envelope; nobody can write one.
interface IRiskOracle {
    /// @notice One released update.
    /// @param timestamp block time of release.
    /// @param newValue `abi.encode(uint256[])`, whole units: basis points for a lending vector `[LTV, LT, LB]`, LB being the
    /// bonus alone (500 = 5 %).
    /// @param referenceId the oracle's request id, as 0x-prefixed hex.
    /// @param previousValue `newValue` of the update before it; empty for the first.
    /// @param updateType name of the parameter vector.
    /// @param updateId from 1, over all markets and types.
    /// @param market the asset.
    /// @param additionalData `abi.encode(bytes32 requestId, bytes32 modelId, uint64 observedAt, uint64 validUntil)`.
    struct RiskParameterUpdate {
        uint256 timestamp;
        bytes newValue;
        string referenceId;
        bytes previousValue;
        string updateType;
        uint256 updateId;
        address market;
        bytes additionalData;
    }

    event ParameterUpdated(
        string referenceId,
        bytes newValue,
        bytes previousValue,
        uint256 timestamp,
        string indexed updateType,
        uint256 indexed updateId,
        address indexed market,
        bytes additionalData
    );

    error NoUpdate(string updateType, address market);
    error UpdateUnknown(uint256 updateId);

    /// @notice Newest update of that type for that market. Reverts with `NoUpdate` if there is none.
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory);

    /// @notice An update by its id. Reverts with `UpdateUnknown`.
    function getUpdateById(uint256 updateId) external view returns (RiskParameterUpdate memory);

    /// @notice Id of the newest update; 0 if there is none.
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) external view returns (uint256);

    /// @notice Number of updates ever released, which is the newest id.
    function updateCounter() external view returns (uint256);
}

/// @title IDodonaRiskOracle
/// @notice How updates come to be: anyone pays for a request, the oracle calls back, the envelope decides. What it holds
/// waits for the guardian, who can release it or drop it, and can do nothing else.
interface IDodonaRiskOracle is IRiskOracle, IRiskSource {
    /// @notice Where a release comes from.
    /// @param mode 0 direct, 1 aggregated.
    /// @param approved the envelope held it and a guardian released it.
    /// @param answerHash `keccak256(abi.encode(requestId, answer))` over the oracle's stored `Answer`.
    /// @dev The publishers' commitments are not kept on chain twice: they stand in `IDodonaOracle.Fulfilled`, whose first
    /// topic is `requestId` (there is one such log at most), next to the outputs that `answerHash` binds.
    struct Provenance {
        bytes32 requestId;
        bytes32 modelId;
        uint8 mode;
        uint32 verifierVersion;
        uint64 observedAt;
        uint64 validUntil;
        uint64 fulfilledAt;
        bool approved;
        bytes32 answerHash;
    }

    /// @notice A proven vector that waits for the guardian.
    /// @param expiresAt last second at which it may be released: the earlier of `observedAt + maxHeldAge` and `validUntil`.
    struct HeldUpdate {
        bytes32 requestId;
        uint32 verifierVersion;
        uint64 heldAt;
        uint64 observedAt;
        uint64 validUntil;
        uint64 expiresAt;
        uint256[] values;
    }

    /// @notice The envelope held a proven vector. It takes the place of one held before.
    event UpdateHeld(
        bytes32 indexed requestId, address indexed market, string updateType, uint256[] values, bytes reason
    );
    event HeldApproved(bytes32 indexed requestId, address indexed guardian, uint256 updateId);
    event HeldDismissed(bytes32 indexed requestId, address indexed guardian);
    event GuardianSet(address indexed guardian);

    error NotGuardian(address expected, address got);
    /// @notice Nothing is held under that request (any more): it was released, dropped or replaced.
    error NotHeld(bytes32 expected, bytes32 got);
    error HeldExpired(uint256 expiresAt, uint256 timestamp);
    /// @notice The envelope refuses even with the guardian's approval.
    error HeldRefused(bytes reason);
    /// @notice The router's SRS is not the one that this contract was set up for.
    error SrsMismatch(bytes32 expected, bytes32 got);

    /// @notice Guardian: releases the held vector of `requestId`, if it still keeps every hard limit, is newer than the last
    /// release and has not expired, and its verifier is not frozen.
    /// @param requestId as shown by `heldOf`; names what is approved, should another take its place meanwhile.
    function approve(address market, string calldata updateType, bytes32 requestId) external returns (uint256 updateId);

    /// @notice Guardian: drops the held vector of `requestId`.
    function dismiss(address market, string calldata updateType, bytes32 requestId) external;

    /// @notice Owner: who may approve and dismiss; 0: nobody.
    function setGuardian(address guardian) external;

    /// @notice The held vector, expired or not; requestId 0 if there is none.
    function heldOf(address market, string calldata updateType) external view returns (HeldUpdate memory);

    /// @notice Where a release comes from. Reverts with `UpdateUnknown`.
    function provenanceOf(uint256 updateId) external view returns (Provenance memory);

    /// @notice The last good value: the newest release, which nothing but a newer release replaces.
    /// @return values as released; empty if there is none.
    /// @return updateId 0 if there is none.
    /// @return age seconds since what it is computed from was observed.
    /// @return stale there is no release, or `age` is above the source's `staleAfter`.
    function lastGood(address market, string calldata updateType)
        external
        view
        returns (uint256[] memory values, uint256 updateId, uint256 age, bool stale);

    function guardian() external view returns (address);
    function envelope() external view returns (address);
}
