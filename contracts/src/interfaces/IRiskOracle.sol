// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title IRiskOracle
/// @notice Risk parameters as injectors of lending protocols read them. Each update here is a proven answer that passed
/// the envelope; nobody can write one.
interface IRiskOracle {
    /// @notice One released update.
    /// @param timestamp block time of release.
    /// @param newValue `abi.encode(uint256[])`, basis points: for a lending vector `[LTV, LT, LB]`, LB being the bonus
    /// alone (500 = 5 %).
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
/// @notice How updates come to be: anyone pays for a request, the oracle calls back, the envelope decides.
interface IDodonaRiskOracle is IRiskOracle {
    /// @notice Where the values of one (market, type) come from. Set once.
    /// @param modelId model without public sources.
    /// @param directVersion verifier version in the router for mode 0; 0: direct answers are not asked for.
    /// @param aggregatedVersion verifier version for mode 1; 0: aggregated answers are not asked for. One of the two is
    /// set: a new verifier never arrives unasked.
    /// @param callbackGasLimit gas for the release.
    /// @param timeToLive seconds from request to deadline.
    /// @param maxDataAge as in a request, seconds.
    /// @param maxDeliveryAge greatest age of the observation when released, seconds, not 0.
    /// @param seed vector that the first update's step is measured against; empty: only absolute bounds for the first.
    struct Source {
        bytes32 modelId;
        uint32 directVersion;
        uint32 aggregatedVersion;
        uint32 callbackGasLimit;
        uint64 timeToLive;
        uint64 maxDataAge;
        uint64 maxDeliveryAge;
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
    /// @notice The envelope failed without a reason (out of gas): the callback may be tried again.
    error EnvelopeFailed(address envelope);

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

    function sourceOf(address market, string calldata updateType) external view returns (Source memory);

    /// @notice `observedAt` of the newest release; 0 if there is none.
    function lastObservedAt(address market, string calldata updateType) external view returns (uint64);

    function oracle() external view returns (address);
    function envelope() external view returns (address);
}

/// @title IRiskEnvelope
/// @notice Decides whether a vector may be released. It rejects, it never clamps.
interface IRiskEnvelope {
    /// @notice Limits of one field, in the field's unit (basis points).
    /// @param min least value, inclusive.
    /// @param max greatest value, inclusive; less than 2^64, so that sentinels such as 2^256 - 1 never pass.
    /// @param maxStep greatest absolute change in one update.
    struct FieldLimits {
        uint64 min;
        uint64 max;
        uint64 maxStep;
    }

    /// @notice Rules over the whole vector. None: no rule. Lending: `[LTV, LT, LB]` with `LTV <= LT < 10,000` and
    /// `LT × (10,000 + LB) <= 10,000²`.
    enum JointRule {
        None,
        Lending
    }

    event LimitsSet(
        address indexed market, string updateType, FieldLimits[] fields, uint64 minDelay, JointRule jointRule
    );

    error LimitsUnknown(address market, string updateType);
    error LimitsAlreadySet(address market, string updateType);
    error BadLimits(uint256 index);
    error FieldCount(uint256 expected, uint256 got);
    error BelowMin(uint256 index, uint256 min, uint256 got);
    error AboveMax(uint256 index, uint256 max, uint256 got);
    error StepTooLarge(uint256 index, uint256 maxStep, uint256 got);
    /// @notice Too soon after the release before.
    error TooSoon(uint256 earliest, uint256 timestamp);
    error LtvAboveThreshold(uint256 ltv, uint256 lt);
    error ThresholdNotBelowOne(uint256 lt);
    /// @notice A liquidation would cost more than the collateral: `LT × (1 + LB) > 100 %`.
    error BonusExceedsCollateral(uint256 lt, uint256 lb);

    /// @notice Owner, once for each (market, type).
    function setLimits(
        address market,
        string calldata updateType,
        FieldLimits[] calldata fields,
        uint64 minDelay,
        JointRule jointRule
    ) external;

    /// @notice Returns if `next` may follow `previous`, reverts with the first rule broken if not.
    /// @param previous last released vector (or the seed); empty: steps are not looked at.
    /// @param releasedAt block time of the last release; 0: none, the delay is not looked at.
    function check(
        address market,
        string calldata updateType,
        uint256[] calldata previous,
        uint256[] calldata next,
        uint256 releasedAt
    ) external view;
}
