// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IRiskSource
/// @notice Where the values of a (market, type) come from, pinned once: model (and with it its feeds), verifier versions, and
/// this contract as the only requester. Public sources are refused: whoever pays for a request would choose them.
interface IRiskSource {
    /// @notice Where the values of one (market, type) come from. Set once.
    /// @param modelId model without public sources.
    /// @param directVersion verifier version in the router for mode 0; 0: direct answers are not asked for.
    /// @param aggregatedVersion verifier version for mode 1; 0: aggregated answers are not asked for. One of the two is
    /// set: a new verifier never arrives unasked.
    /// @param callbackGasLimit gas for the release.
    /// @param timeToLive seconds from request to deadline.
    /// @param maxDataAge as in a request, seconds.
    /// @param maxDeliveryAge greatest age of the observation when the answer is taken, seconds, not 0.
    /// @param maxHeldAge greatest age of the observation when a guardian releases a held vector, seconds; 0: what the
    /// envelope would hold is rejected.
    /// @param staleAfter age of the observation from which a released value is called stale, seconds; 0: never.
    /// @param seed vector that the first update's step is measured against; empty: only absolute bounds for the first.
    struct Source {
        bytes32 modelId;
        uint32 directVersion;
        uint32 aggregatedVersion;
        uint32 callbackGasLimit;
        uint64 timeToLive;
        uint64 maxDataAge;
        uint64 maxDeliveryAge;
        uint64 maxHeldAge;
        uint64 staleAfter;
        uint256[] seed;
    }

    event SourceSet(address indexed market, string updateType, Source source);
    /// @notice A request for (market, type) was made and paid by `payer`.
    event UpdateRequested(bytes32 indexed requestId, address indexed market, string updateType, address payer);
    /// @notice A proven answer was not released. `reason`: the envelope's or this contract's error, ABI-encoded.
    event UpdateRejected(bytes32 indexed requestId, address indexed market, string updateType, bytes reason);

    error SourceUnknown(address market, string updateType);
    error SourceAlreadySet(address market, string updateType);
    error BadSource(string field, uint256 got);
    /// @notice The seed itself breaks a hard limit.
    error BadSeed(bytes reason);
    error ModeNotAllowed(address market, string updateType, uint8 mode);
    error PublicSourceRefused(bytes32 modelId, uint256 index);
    error NotOracle(address expected, address got);
    error UnknownRequest(bytes32 requestId);
    error NotInDomain(bytes32 requestId);
    error Saturated(bytes32 requestId);
    error ObservationNotNewer(uint64 last, uint64 got);
    error AnswerTooOld(uint256 earliest, uint64 observedAt);
    error ModelMismatch(bytes32 expected, bytes32 got);
    error NegativeValue(uint256 index, int256 got);
    /// @notice The verifier that accepted this proof was frozen before the answer was taken.
    error VerifierFrozen(uint32 version);

    /// @notice Owner, once for each (market, type).
    function setSource(address market, string calldata updateType, Source calldata source) external;

    /// @notice Least fee of `requestUpdate`, wei.
    function quoteUpdate(address market, string calldata updateType, uint8 mode) external view returns (uint256 fee);

    /// @notice Anyone: asks for a new value. `msg.value` is the fee, credited back to `refundTo` in the oracle if nobody
    /// answers (0: the caller).
    /// @param mode 0 direct, 1 aggregated.
    function requestUpdate(address market, string calldata updateType, uint8 mode, address refundTo)
        external
        payable
        returns (bytes32 requestId);

    /// @notice The pinned source; reverts with `SourceUnknown`.
    function sourceOf(address market, string calldata updateType) external view returns (Source memory);

    /// @notice `observedAt` of the newest value taken; 0 if there is none.
    function lastObservedAt(address market, string calldata updateType) external view returns (uint64);

    function oracle() external view returns (address);
}
