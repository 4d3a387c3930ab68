// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "./IFeedRegistry.sol";

/// @title IDodonaOracle
/// @notice Requests, proven answers, refunds. One request is one inference; one proof answers a batch of requests.
/// Nobody has to trust the operator: an answer is delivered only after its proof was checked against the key that the
/// model's spec pins, the commitments that registered publishers signed, and a context that this contract recomputes.
/// @dev Times are seconds since 1970, fees are wei. `r` is the order of BN254's scalar field.
interface IDodonaOracle {
    /// @notice None: no such request. Open: waits. Fulfilled and Refunded: final.
    enum Status {
        None,
        Open,
        Fulfilled,
        Refunded
    }

    /// @notice What became of one id of a batch.
    enum Outcome {
        Delivered,
        AlreadySettled,
        Expired
    }

    /// @notice What is asked.
    /// @param modelId a registered model that is not deprecated.
    /// @param mode 0 direct, 1 aggregated.
    /// @param allowLater also accept the first observation after the request
    /// (`createdAt < observedAt <= createdAt + period`).
    /// @param callbackGasLimit gas for `onDodonaAnswer` on the requester; 0: no callback.
    /// @param verifierVersion version in the router; 0: the newest for this mode and shape, fixed when the request is made.
    /// @param deadline last second at which an answer is accepted; in the future and within `MAX_LIFETIME`.
    /// @param maxDataAge seconds that the observation may be older than the request.
    /// @param maxDeliveryAge seconds that the oldest observation may be old when delivered; 0: no limit.
    /// @param refundTo who is credited if nobody answers; 0: the requester.
    /// @param feeToken what the fee is paid in; 0: ETH.
    /// @param fee what is paid, in units of `feeToken`; with ETH `msg.value` must equal it.
    /// @param penalty wei that an operator who accepts must reserve; 0: the oracle's least.
    /// @param publicWords packed words of all public sources in their order, each `< r`; empty without public sources.
    struct RequestParams {
        bytes32 modelId;
        uint8 mode;
        bool allowLater;
        uint32 callbackGasLimit;
        uint32 verifierVersion;
        uint64 deadline;
        uint64 maxDataAge;
        uint64 maxDeliveryAge;
        address refundTo;
        address feeToken;
        uint96 fee;
        uint96 penalty;
        uint256[] publicWords;
    }

    /// @notice A request as stored. `publicWordsHash` is keccak256(abi.encodePacked(publicWords)), 0 if there are none.
    struct Request {
        address requester;
        uint64 deadline;
        Status status;
        uint8 mode;
        bool allowLater;
        bytes32 modelId;
        address refundTo;
        uint96 fee;
        uint64 createdAt;
        uint64 maxDataAge;
        uint64 maxDeliveryAge;
        uint32 callbackGasLimit;
        uint32 verifierVersion;
        bytes32 publicWordsHash;
    }

    /// @notice A header with its publisher's signature (65 bytes `r ‖ s ‖ v`).
    struct SignedHeader {
        IFeedRegistry.ObservationHeader header;
        bytes signature;
    }

    /// @notice Everything about one inference of a batch that is not already on chain.
    /// @param observations one per committed source, in the order of the model's sources.
    /// @param publicWords the request's public words again (only their hash is stored).
    /// @param outputWords packed outputs with flags, ceil(nOutputs / 3) words, each `< r`.
    struct Slot {
        SignedHeader[] observations;
        uint256[] publicWords;
        uint256[] outputWords;
    }

    /// @notice A proven answer.
    /// @param observedAt time of the oldest observation used; the request's time for models with public sources only.
    /// @param validUntil earliest `validUntil` of the observations used; 2^64 - 1 with public sources only.
    /// @param fulfilledAt block time of delivery.
    /// @param inDomain no input was clamped to the model's declared domain.
    /// @param unsaturated nothing saturated inside the model.
    /// @param outputs signed fixed-point values; real value = output / 10^outputDecimals of the model.
    struct Answer {
        bytes32 modelId;
        uint64 observedAt;
        uint64 validUntil;
        uint64 fulfilledAt;
        bool inDomain;
        bool unsaturated;
        int64[] outputs;
    }

    /// @notice A request was made. Holds all that an operator needs. `verifierVersion` is the resolved one;
    /// `params` are as given; `id = keccak256(abi.encode(chainid, oracle, requester, nonce, params))`.
    event Requested(
        bytes32 indexed id,
        bytes32 indexed modelId,
        address indexed requester,
        uint256 nonce,
        uint64 createdAt,
        uint256 fee,
        uint32 verifierVersion,
        RequestParams params
    );
    /// @notice An answer was delivered and `fee` credited to `payee`. `commitments`: of the slot's committed sources.
    event Fulfilled(
        bytes32 indexed id,
        bytes32 indexed modelId,
        address indexed payee,
        uint256 fee,
        uint64 observedAt,
        uint64 validUntil,
        bool inDomain,
        bool unsaturated,
        uint256[] commitments,
        int64[] outputs
    );
    /// @notice An id of a batch was passed over: nothing was delivered or paid for it.
    event Skipped(bytes32 indexed id, Outcome outcome);
    /// @notice Nobody answered in time; `amount` was credited to `to`.
    event Refunded(bytes32 indexed id, address indexed to, uint256 amount);
    /// @notice The requester's callback failed; the answer stands and was paid. `reason`: at most 256 bytes.
    event CallbackFailed(bytes32 indexed id, address indexed requester, bytes reason);
    /// @notice A callback that had failed succeeded when tried again.
    event CallbackRetried(bytes32 indexed id, address indexed requester);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice Prices of new requests changed (wei; wei per unit of callback gas).
    event PricesSet(uint256 directFee, uint256 aggregatedFee, uint256 callbackGasPrice);

    error UnknownMode(uint8 got);
    error ModeNotSupported(bytes32 modelId, uint8 mode);
    error ModelDeprecated(bytes32 modelId);
    error FeeTooLow(uint256 expected, uint256 got);
    error FeeTooHigh(uint256 max, uint256 got);
    error DeadlineOutOfRange(uint256 earliest, uint256 latest, uint256 got);
    error CallbackGasTooHigh(uint256 max, uint256 got);
    error PublicWordCount(uint256 expected, uint256 got);
    /// @notice A word is not `< r`. `index` counts within the array that was checked.
    error WordNotInField(uint256 index, uint256 got);
    /// @notice The version serves another mode or shape.
    error VerifierVersionMismatch(uint32 version, uint8 mode, uint32 shape);
    error RequestUnknown(bytes32 id);
    /// @notice No id of the batch was open; the first one has this status.
    error RequestNotOpen(bytes32 id, Status status);
    /// @notice Fulfil came after the deadline.
    error DeadlinePassed(bytes32 id, uint256 deadline, uint256 timestamp);
    /// @notice Refund came before the deadline was over.
    error DeadlineNotPassed(bytes32 id, uint256 deadline, uint256 timestamp);
    error ProofExpired(uint256 expiry, uint256 timestamp);
    error EmptyBatch();
    error SlotCount(uint256 expected, uint256 got);
    error DuplicateId(bytes32 id);
    error ModelMismatch(bytes32 id, bytes32 expected, bytes32 got);
    error ModeMismatch(bytes32 id, uint8 expected, uint8 got);
    error VersionMismatch(bytes32 id, uint32 expected, uint32 got);
    /// @notice The model has no key for this batch size in this mode.
    error BatchSizeNotSupported(bytes32 modelId, uint8 mode, uint256 batch);
    error ObservationCount(bytes32 id, uint256 expected, uint256 got);
    error WrongFeed(bytes32 id, uint256 source, bytes32 expected, bytes32 got);
    /// @notice `observedAt` is outside what the request accepts.
    error ObservationOutOfWindow(bytes32 id, uint256 earliest, uint256 latest, uint256 got);
    /// @notice The publisher stood by the observation only until before the request.
    error ObservationNoLongerValid(bytes32 id, uint256 createdAt, uint256 validUntil);
    /// @notice Too old now, by the request's `maxDeliveryAge`.
    error DeliveredTooLate(bytes32 id, uint256 earliest, uint256 observedAt);
    /// @notice Two sources of one feed were signed by the same publisher.
    error PublisherNotDistinct(bytes32 id, address publisher);
    /// @notice Two sources of one feed show different observation times.
    error MixedObservations(bytes32 id, uint64 expected, uint64 got);
    error PublicWordsMismatch(bytes32 id);
    error OutputWordCount(bytes32 id, uint256 expected, uint256 got);
    /// @notice An output word has bits that the encoding leaves 0.
    error OutputWordMalformed(bytes32 id, uint256 index, uint256 got);
    error TooManyWords(uint256 max, uint256 got);
    error DirectVerifierNotSet(bytes32 modelId);
    /// @notice The verifier refused words and proof.
    error ProofRefused();
    error ZeroPayee();
    /// @notice Deployed with a model registry that uses another feed registry.
    error FeedRegistryMismatch(address expected, address got);
    /// @notice Less gas is left than the callback must be given.
    error InsufficientCallbackGas(uint256 required, uint256 left);
    error NoFailedCallback(bytes32 id);
    error CallbackRefused(bytes reason);
    error NothingToWithdraw(address account);
    error TransferFailed(address to, uint256 amount);

    /// @notice Least fee for such a request: the mode's fee + callbackGasLimit × price of callback gas. More may be
    /// paid; the whole of it goes to whoever answers. Only `mode` and `callbackGasLimit` are looked at.
    function quote(RequestParams calldata params) external view returns (uint256 fee);

    /// @notice Asks. `msg.value` is escrowed until the answer (then it is the payee's) or the refund.
    function request(RequestParams calldata params) external payable returns (bytes32 id);

    /// @notice Delivers one proof for all of `ids`, and its fees to `payee`.
    /// @dev Slot i belongs to id i. All ids share model, mode and verifier version; no id twice. An id that is settled or
    /// expired by now is passed over (`Skipped`); if none is left the call reverts. Everything else that is wrong
    /// reverts the batch. State is final before any callback runs; a callback's failure changes nothing.
    /// WARNING: the context binds chain, oracle, mode, ids, payee and expiry: a proof cannot be used for others.
    /// @param mode as in the requests.
    /// @param payee whom the fees are credited to, not 0.
    /// @param expiry last second at which this proof may be used.
    /// @param proof direct: the proof; aggregated: 12 accumulator limbs of 32 bytes, then the proof.
    function fulfil(
        bytes32[] calldata ids,
        uint8 mode,
        address payee,
        uint64 expiry,
        Slot[] calldata slots,
        bytes calldata proof
    ) external returns (Outcome[] memory outcomes);

    /// @notice Anyone: after the deadline, credits the fee of an open request to its `refundTo`.
    function refund(bytes32 id) external;

    /// @notice Anyone: calls the requester again with an answer whose callback failed, with all the gas that is left, at
    /// least the request's limit. Reverts with `CallbackRefused` if it fails again.
    function retryCallback(bytes32 id) external;

    /// @notice Pays all of the caller's credits to `to`.
    function withdraw(address payable to) external returns (uint256 amount);

    function requestOf(bytes32 id) external view returns (Request memory);

    function statusOf(bytes32 id) external view returns (Status);

    /// @notice The answer; reverts with `RequestNotOpen` naming the status unless fulfilled.
    function answerOf(bytes32 id) external view returns (Answer memory);

    /// @notice True if the answer's callback failed and may be tried again.
    function callbackFailed(bytes32 id) external view returns (bool);

    /// @notice wei that `account` may withdraw.
    function creditOf(address account) external view returns (uint256);

    /// @notice Sum of the fees of open requests, wei.
    function totalEscrow() external view returns (uint256);

    /// @notice Sum of all credits, wei.
    function totalCredits() external view returns (uint256);

    /// @notice Word 0 of the proof's instance:
    /// `uint256(keccak256(abi.encode(chainid, this, mode, ids, payee, expiry))) >> 8`.
    function contextOf(bytes32[] calldata ids, uint8 mode, address payee, uint64 expiry) external view returns (uint256);

    /// @notice The id that a request with these parameters gets from `requester` at `nonce`.
    function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
        external
        view
        returns (bytes32);

    /// @notice Nonce of the next request (one counter for all requesters).
    function nextNonce() external view returns (uint256);

    function modelRegistry() external view returns (address);
    function feedRegistry() external view returns (address);
    function verifierRouter() external view returns (address);

    /// @notice Greatest `callbackGasLimit`.
    function MAX_CALLBACK_GAS() external view returns (uint32);
    /// @notice Greatest time from request to deadline, seconds.
    function MAX_LIFETIME() external view returns (uint64);
    /// @notice Words of an aggregated instance.
    function AGGREGATED_WORDS() external view returns (uint256);
}

/// @title IDodonaCallback
/// @notice What a requester with `callbackGasLimit > 0` implements.
interface IDodonaCallback {
    /// @notice Called once with a proven answer. Must check that the caller is the oracle and that it asked for `id`.
    /// @dev WARNING: an answer may be out of the model's domain: look at `answer.inDomain`. A revert is recorded, the
    /// operator is paid all the same, and anyone may try again later: check the answer's age.
    function onDodonaAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) external;
}
