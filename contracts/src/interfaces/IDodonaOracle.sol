// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IFeedRegistry} from "./IFeedRegistry.sol";

/// @title IDodonaOracle
/// @notice Requests, proven answers, refunds. One request is one inference; one proof answers a batch of requests.
/// Nobody has to trust the operator: an answer is delivered only after its proof was checked against the key that the
/// model's spec pins, the commitments that registered publishers signed, and a context that this contract recomputes.
/// @dev Times are seconds since 1970; fees are in units of their token, ETH (wei) being the token at address 0. `r`
/// is the order of BN254's scalar field. The owner sets prices of new requests: no answer, no open request and
/// nobody's funds are within its reach.
///
/// **Acceptance.** Anybody may answer any open request. An operator that wants time without competition accepts it:
/// it fixes payee and observations, reserves the penalty from its stake, and until the window's end (never after the
/// deadline) nobody else is let in. The promise is *kept* by a delivery of what was accepted, at any time before
/// somebody else's; *missed* if somebody else delivers after the window, or the request is refunded after the
/// deadline; *void* if the version is frozen or a publisher of the fixed observations was revoked (by its feed's
/// owner, or for equivocation). Who could game this, and why it fails:
/// - An operator that accepts only to shut others out pays the penalty for at most `ACCEPT_WINDOW`: a request is
///   accepted once, unless that acceptance was void. Accepting just before the deadline buys the seconds that are
///   left at the same price.
/// - An operator cannot get stake out by missing through a second identity: the requester, at best itself, is given no
///   more than its gas, and at most half of the penalty; the rest is burned. Releasing needs a delivery with a proof.
/// - A requester gains nothing by making an operator miss: the compensation is a fixed, low figure of gas at the
///   request's base fee. Everything that decides whether an answer can be delivered in time (callback gas, ages,
///   deadline, version, direct verifier) is known when accepting; callbacks cannot undo a delivery.
/// - A feed's owner that revokes a publisher in the last moment would make an honest operator miss, with a refund in
///   the next block. So missing does not slash at once: for `CONTEST_PERIOD` anybody may show the revocation
///   (`voidAcceptance`), and only then `settleMissed` takes the penalty. The price: a feed's owner and an operator
///   together can undo a penalty by giving up a publisher. Rotation and bonds do not matter after accepting.
/// - A guardian that freezes a version voids its open promises; it is assumed that nothing is ever thawed.
/// - Two acceptances race: the first in the block stands, the second reverts with `AlreadyAccepted` and costs it gas
///   only.
/// - Gas is believed to be had: an operator that cannot get into a block for a whole window misses.
interface IDodonaOracle {
    /// @notice None: no such request. Open: waits. Fulfilled and Refunded: final.
    enum Status {
        None,
        Open,
        Fulfilled,
        Refunded
    }

    /// @notice What became of one id of a batch. Rejected: its observations, public words or payee are not what it
    /// wants.
    enum Outcome {
        Delivered,
        AlreadySettled,
        Expired,
        Rejected
    }

    /// @notice Prices of new requests in one token.
    /// @param direct least fee of a direct request without callback, units of the token.
    /// @param aggregated least fee of an aggregated request without callback.
    /// @param callbackGasPrice units of the token per unit of callback gas, less than 2^56.
    /// @param listed false: no new requests are taken in this token.
    struct Prices {
        uint96 direct;
        uint96 aggregated;
        uint64 callbackGasPrice;
        bool listed;
    }

    /// @notice An operator's promise that is neither kept nor void nor settled.
    /// @param penalty wei of its stake that are reserved.
    /// @param until last second of the exclusive window; 0 once the request is settled.
    /// @param contestedUntil last second before the penalty may be taken; 0 while the request is open.
    /// @param commitment lower 224 bits of keccak256(abi.encode(payee, observations)). A collision costs 2^112, more
    /// than breaking the curve that proofs stand on, and would gain no more than an observation outside the age
    /// limits.
    struct Promise {
        address operator;
        uint96 penalty;
        uint64 until;
        uint64 contestedUntil;
        uint224 commitment;
    }

    /// @notice What is asked.
    /// @param modelId a registered model that is not deprecated.
    /// @param mode 0 direct, 1 aggregated.
    /// @param allowLater also accept the first observation after the request
    /// (`createdAt < observedAt <= createdAt + period`).
    /// @param callbackGasLimit gas for `onDodonaAnswer` on the requester; 0: no callback.
    /// @param verifierVersion version in the router; 0: the newest for this mode and shape, fixed when the request is
    /// made.
    /// @param deadline last second at which an answer is accepted; in the future and within `MAX_LIFETIME`.
    /// @param maxDataAge seconds that the observation may be older than the request.
    /// @param maxDeliveryAge seconds that the oldest observation may be old when delivered; 0: no limit.
    /// @param refundTo who is credited if nobody answers; 0: the requester.
    /// @param feeToken token that the fee is paid in; 0: ETH.
    /// @param fee what is paid, at least `quote`; in ETH the value of the call.
    /// @param penalty wei that an operator who accepts must reserve, at most `MAX_PENALTY`; less than
    /// `LEAST_PENALTY`: that.
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
    /// Ages are kept up to 2^32 - 1 seconds, `baseFee` (the block's at the request, wei) up to 2^40 - 1.
    /// @dev WARNING: `deadline` is 0 once the request is fulfilled: its place is taken by the answer.
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
        address feeToken;
        uint96 penalty;
        uint64 baseFee;
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
    /// @param validUntil earliest `validUntil` of the observations used; 2^64 - 1 with public sources only, and for all
    /// that is 2^48 - 1 or later.
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
    /// @notice A settled or expired id of a batch was passed over: nothing was delivered or paid for it.
    event Skipped(bytes32 indexed id, Outcome outcome);
    /// @notice An open id of a batch was passed over, with the ABI-encoded error that it would have reverted with
    /// alone.
    event Rejected(bytes32 indexed id, bytes reason);
    /// @notice `payer` put `amount` on top; `fee` is the new one.
    event FeeIncreased(bytes32 indexed id, address indexed payer, uint256 amount, uint256 fee);
    /// @notice Until `until` only a proof for `payee` with the observations of `commitment` is let in.
    event Accepted(
        bytes32 indexed id,
        address indexed operator,
        address indexed payee,
        uint64 until,
        uint256 penalty,
        uint224 commitment
    );
    /// @notice What was accepted was delivered; the penalty is free again.
    event AcceptanceKept(bytes32 indexed id, address indexed operator);
    /// @notice Somebody else delivered, or nobody: the penalty may be taken after the contest period.
    event AcceptanceMissed(bytes32 indexed id, address indexed operator);
    /// @notice The promise is off without fault; the penalty is free again.
    event AcceptanceVoided(bytes32 indexed id, address indexed operator);
    /// @notice `compensation` of `penalty` went to the request's `refundTo`, the rest was burned.
    event PenaltyTaken(bytes32 indexed id, address indexed operator, uint256 penalty, uint256 compensation);
    /// @notice Nobody answered in time; `amount` was credited to `to`.
    event Refunded(bytes32 indexed id, address indexed to, uint256 amount);
    /// @notice The requester's callback failed; the answer stands and was paid. `reason`: at most 256 bytes.
    event CallbackFailed(bytes32 indexed id, address indexed requester, bytes reason);
    /// @notice A callback that had failed succeeded when tried again.
    event CallbackRetried(bytes32 indexed id, address indexed requester);
    event Withdrawn(address indexed token, address indexed account, address indexed to, uint256 amount);
    /// @notice Prices of new requests in `token` changed.
    event PricesSet(address indexed token, Prices prices);

    error UnknownMode(uint8 got);
    error ModeNotSupported(bytes32 modelId, uint8 mode);
    error FeeTooLow(uint256 expected, uint256 got);
    error FeeTooHigh(uint256 max, uint256 got);
    error TokenNotListed(address token);
    error NotAToken(address token);
    error PriceTooHigh(uint256 max, uint256 got);
    /// @notice The call's value is not the fee (ETH), or not 0 (tokens).
    error ValueMismatch(uint256 expected, uint256 got);
    /// @notice Escrow and credits of one token would exceed what its book can hold.
    error BookFull(address token, uint256 max, uint256 got);
    /// @notice The oracle holds less of the token than it owes: the token took something away.
    error TokenShortfall(address token, uint256 expected, uint256 got);
    /// @notice The oracle's balance after the transfer is not what it should be: the token takes a fee, or moved
    /// otherwise.
    error TokenMismatch(address token, uint256 expected, uint256 got);
    error PenaltyTooHigh(uint256 max, uint256 got);
    error ZeroAmount();
    error DeadlineOutOfRange(uint256 earliest, uint256 latest, uint256 got);
    error CallbackGasTooHigh(uint256 max, uint256 got);
    error PublicWordCount(uint256 expected, uint256 got);
    /// @notice A word is not `< r`. `index` counts within the array that was checked.
    error WordNotInField(uint256 index, uint256 got);
    /// @notice The version serves another mode or shape.
    error VerifierVersionMismatch(uint32 version, uint8 mode, uint32 shape);
    error RequestUnknown(bytes32 id);
    /// @notice The request has this status. `fulfil`: nothing of the batch could be delivered, and the first id is
    /// settled.
    error RequestNotOpen(bytes32 id, Status status);
    /// @notice Fulfil came after the deadline.
    error DeadlinePassed(bytes32 id, uint256 deadline, uint256 timestamp);
    /// @notice Refund came before the deadline was over.
    error DeadlineNotPassed(bytes32 id, uint256 deadline, uint256 timestamp);
    error AlreadyAccepted(bytes32 id, address operator);
    error NotAccepted(bytes32 id);
    /// @notice Until `until` only the accepted payee with the accepted observations is let in.
    error AcceptedOtherwise(bytes32 id, uint256 until);
    /// @notice Payee and observations are not those that were accepted.
    error AcceptanceMismatch(bytes32 id);
    /// @notice None of the publishers was revoked.
    error AcceptanceStands(bytes32 id);
    error RequestStillOpen(bytes32 id);
    error ContestNotOver(bytes32 id, uint256 until, uint256 timestamp);
    error TooManyOperators(uint256 max);
    /// @notice A registry refused without a reason, which only happens if it was given too little gas.
    error CheckRanOutOfGas();
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
    error NothingToWithdraw(address token, address account);
    error TransferFailed(address to, uint256 amount);

    /// @notice Owner: prices of new requests in `token`, and whether it takes any. Open requests keep their fee and
    /// token.
    /// @dev WARNING: list tokens whose code is known. What a token can do is confined to its own book: one that takes
    /// fees is refused by `request`, one that lowers balances stops new requests in it and leaves its last creditors
    /// short.
    function setPrices(address token, Prices calldata prices) external;

    /// @notice Prices in `token`.
    function pricesOf(address token) external view returns (Prices memory);

    /// @notice Least fee for such a request: the mode's fee + callbackGasLimit × price of callback gas, in units of
    /// `feeToken`. More may be paid; the whole of it goes to whoever answers. Looks at `mode`, `callbackGasLimit`,
    /// `feeToken`.
    function quote(RequestParams calldata params) external view returns (uint256 fee);

    /// @notice Asks. `params.fee` is escrowed until the answer (then it is the payee's) or the refund: `msg.value` if
    /// in ETH, otherwise pulled from the caller, whose allowance must cover it.
    /// @dev The id holds chain, oracle, requester, nonce and all parameters: after a reorganisation a request with
    /// other parameters, or at another nonce, has another id.
    function request(RequestParams calldata params) external payable returns (bytes32 id);

    /// @notice Anyone: adds `amount` to the fee of an open request until its deadline, in the request's token. A refund
    /// gives all of it to the request's `refundTo`.
    function increaseFee(bytes32 id, uint96 amount) external payable;

    /// @notice Operator: promises to deliver `id` to `payee` with these observations (see the top of this file).
    /// Reserves the request's penalty from the caller's stake; the caller must have authorised this contract there.
    /// @param payee whom the proof will be for, not 0.
    /// @param observations one per committed source; all that `fulfil` asks of them is checked now.
    function accept(bytes32 id, address payee, SignedHeader[] calldata observations) external;

    /// @notice Anyone: ends an acceptance whose fixed observations have a publisher that was revoked since. The
    /// request, if open, may be accepted again.
    /// @param payee as accepted.
    /// @param observations as accepted.
    function voidAcceptance(bytes32 id, address payee, SignedHeader[] calldata observations) external;

    /// @notice Anyone: takes the penalty of a missed acceptance when its contest period is over. `COMPENSATED_GAS` ×
    /// the base fee at the request goes to the request's `refundTo`, at most half of the penalty (rounded down); the
    /// rest is burned. If the version was frozen the penalty is released instead.
    function settleMissed(bytes32 id) external;

    /// @notice The promise for `id`; reverts with `NotAccepted` if there is none (any more).
    function acceptanceOf(bytes32 id) external view returns (Promise memory);

    /// @notice Delivers one proof for all of `ids`, and its fees to `payee`.
    /// @dev Slot i belongs to id i. All ids share model, mode and verifier version; no id twice. What makes the
    /// proof's instance ill-formed reverts; so does a wrong proof, and too little gas for a callback. Otherwise each
    /// id has its own outcome: one that is settled, expired (`Skipped`) or not to be delivered like this (`Rejected`:
    /// observations refused or too old, other public words, accepted by somebody else) is passed over, though its
    /// words are part of what is proved. If nothing is left to deliver the call reverts with the first id's reason.
    /// State is final before any callback runs; a callback's failure changes nothing. An answer outside the model's
    /// domain, or saturated, is an answer: it is delivered with its flags, and paid. An accepted request, delivered
    /// as accepted: its observations are only rechecked for revocation, and `maxDeliveryAge`.
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

    /// @notice Anyone: credits the fee of an open request to its `refundTo`, after the deadline, or at once if its
    /// verifier version is frozen (then an acceptance is void).
    function refund(bytes32 id) external;

    /// @notice Anyone: calls the requester again with an answer whose callback failed, with all the gas that is left,
    /// at least the request's limit. Reverts with `CallbackRefused` if it fails again.
    function retryCallback(bytes32 id) external;

    /// @notice Pays all of the caller's credits in `token` (0: ETH) to `to`, not 0.
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice The request; reverts with `RequestUnknown`.
    function requestOf(bytes32 id) external view returns (Request memory);

    function statusOf(bytes32 id) external view returns (Status);

    /// @notice The answer; reverts with `RequestNotOpen` naming the status unless fulfilled.
    function answerOf(bytes32 id) external view returns (Answer memory);

    /// @notice True if the answer's callback failed and may be tried again.
    function callbackFailed(bytes32 id) external view returns (bool);

    /// @notice Units of `token` that `account` may withdraw.
    function creditOf(address token, address account) external view returns (uint256);

    /// @notice Sum of the fees of open requests in `token`.
    function totalEscrow(address token) external view returns (uint256);

    /// @notice Sum of all credits in `token`. The oracle holds at least `totalEscrow + totalCredits` of it.
    function totalCredits(address token) external view returns (uint256);

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
    function operatorStaking() external view returns (address);
    /// @notice The other half of this contract's code, which it deployed; it works on this contract's storage alone.
    function desk() external view returns (address);

    /// @notice Greatest `callbackGasLimit`.
    function MAX_CALLBACK_GAS() external view returns (uint32);
    /// @notice Greatest time from request to deadline, seconds.
    function MAX_LIFETIME() external view returns (uint64);
    /// @notice Least penalty of an acceptance, wei.
    function LEAST_PENALTY() external view returns (uint96);
    /// @notice Greatest penalty that a request may ask for, wei.
    function MAX_PENALTY() external view returns (uint96);
    /// @notice Seconds of an exclusive window that the deadline does not cut short.
    function ACCEPT_WINDOW() external view returns (uint64);
    /// @notice Seconds from a miss until the penalty may be taken.
    function CONTEST_PERIOD() external view returns (uint64);
    /// @notice Gas of a request and its refund that a missed promise pays back; what the two cost at least.
    function COMPENSATED_GAS() external view returns (uint256);
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
