//! The contracts' interfaces as Rust types.
//!
//! The text below is that of `contracts/src/interfaces` without its comments (the meaning is documented there);
//! `scripts/bindings` writes it, and a test compares the two, so they cannot drift apart.

#![expect(missing_docs, clippy::too_many_arguments, reason = "generated from the interfaces, which document it")]

#[cfg(test)]
mod tests;

use alloy::sol;

sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]

    interface IPublisherBonds {
        struct Bond {
            uint96 bonded;
            uint96 unbonding;
            uint40 withdrawableAt;
            bool revoked;
            bool slashed;
        }
        event Bonded(bytes32 indexed feedId, address indexed publisher, address indexed from, uint256 amount);
        event UnbondRequested(bytes32 indexed feedId, address indexed publisher, uint256 amount, uint256 withdrawableAt);
        event BondWithdrawn(bytes32 indexed feedId, address indexed publisher, address indexed to, uint256 amount);
        event Slashed(
            bytes32 indexed feedId, address indexed publisher, address indexed reporter, uint256 rewarded, uint256 burned
        );
        event RewardWithdrawn(address indexed reporter, address indexed to, uint256 amount);
        error BondTooLow(bytes32 feedId, address publisher, uint256 expected, uint256 got);
        error BondTooHigh(uint256 most, uint256 got);
        error ZeroAmount();
        error UnbondTooHigh(bytes32 feedId, address publisher, uint256 most, uint256 got);
        error NothingUnbonding(bytes32 feedId, address publisher);
        error BondLocked(bytes32 feedId, address publisher, uint256 withdrawableAt, uint256 timestamp);
        error NoReward(address reporter);
        error ZeroRecipient();
        error TransferFailed(address to, uint256 amount);
        function bond(bytes32 feedId, address publisher) external payable;
        function requestUnbond(bytes32 feedId, uint256 amount) external;
        function withdrawBond(bytes32 feedId, address to) external returns (uint256 amount);
        function withdrawReward(address to) external returns (uint256 amount);
        function bondOf(bytes32 feedId, address publisher) external view returns (Bond memory);
        function rewardOf(address reporter) external view returns (uint256);
        function totalBonds() external view returns (uint256);
        function totalRewards() external view returns (uint256);
        function EVIDENCE_WINDOW() external view returns (uint64);
        function UNBONDING_TIME() external view returns (uint64);
        function BURNED_BPS() external view returns (uint256);
    }
    interface IFeedRegistry is IPublisherBonds {
        struct ObservationHeader {
            bytes32 feedId;
            uint32 setEpoch;
            uint64 seq;
            uint256 commitment;
            uint64 observedAt;
            uint64 validUntil;
        }
        struct Feed {
            address owner;
            uint32 length;
            uint96 minBond;
            uint64 period;
            uint64 previousUntil;
            uint32 epoch;
            bytes32 schemaHash;
        }
        event FeedCreated(
            bytes32 indexed feedId, address indexed owner, bytes32 schemaHash, uint32 length, uint64 period, uint96 minBond
        );
        event PublisherSet(bytes32 indexed feedId, uint32 indexed epoch, address[] publishers, uint64 previousUntil);
        event PublisherRevoked(bytes32 indexed feedId, address indexed publisher);
        event EquivocationProved(
            bytes32 indexed feedId,
            address indexed publisher,
            uint32 setEpoch,
            uint64 seq,
            bytes32 digestA,
            bytes32 digestB,
            address reporter
        );
        error FeedExists(bytes32 feedId);
        error FeedUnknown(bytes32 feedId);
        error NotFeedOwner(address expected, address got);
        error BadFeed(string field, uint256 got);
        error DuplicatePublisher(address publisher);
        error BadSignatureLength(uint256 expected, uint256 got);
        error BadSignatureV(uint8 got);
        error BadSignatureS(bytes32 got);
        error BadSignature();
        error NotPublisher(bytes32 feedId, uint32 setEpoch, address signer);
        error PublisherIsRevoked(bytes32 feedId, address publisher);
        error EpochNotAccepted(bytes32 feedId, uint32 current, uint32 got);
        error ObservedAtMismatch(uint256 expected, uint256 got);
        error ObservedInFuture(uint256 latest, uint256 got);
        error ValidityBeforeObservation(uint256 observedAt, uint256 validUntil);
        error CommitmentNotInField(uint256 got);
        error OverlapTooLong(uint256 most, uint256 got);
        error NotOneSlot(string field);
        error SameHeader(bytes32 digest);
        error SignersDiffer(address signerA, address signerB);
        error EvidenceTooOld(uint256 until, uint256 timestamp);
        error AlreadySlashed(bytes32 feedId, address publisher);
        function createFeed(
            bytes32 schemaHash,
            uint32 length,
            uint64 period,
            uint96 minBond,
            address[] calldata publishers,
            bytes32 salt
        ) external returns (bytes32 feedId);
        function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch);
        function revoke(bytes32 feedId, address publisher) external;
        function verify(ObservationHeader calldata header, bytes calldata signature)
            external
            view
            returns (address publisher);
        function recheck(ObservationHeader calldata header, bytes calldata signature)
            external
            view
            returns (address publisher);
        function reportEquivocation(
            ObservationHeader calldata headerA,
            bytes calldata signatureA,
            ObservationHeader calldata headerB,
            bytes calldata signatureB
        ) external returns (address publisher, uint256 reward);
        function digestOf(ObservationHeader calldata header) external view returns (bytes32);
        function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, uint96 minBond, bytes32 salt)
            external
            pure
            returns (bytes32);
        function feedOf(bytes32 feedId) external view returns (Feed memory);
        function schemaField(bytes32 feedId) external view returns (uint256);
        function isPublisher(bytes32 feedId, uint32 epoch, address publisher) external view returns (bool);
        function MAX_SKEW() external view returns (uint64);
        function MAX_OVERLAP() external view returns (uint64);
        function domainSeparator() external view returns (bytes32);
    }
    interface IModelAttestations {
        struct Attestation {
            address attester;
            uint40 attestedAt;
            uint40 revokedAt;
            bytes32 statementHash;
        }
        event Attested(bytes32 indexed modelId, address indexed attester, bytes32 statementHash);
        event AttestationRevoked(bytes32 indexed modelId, address indexed attester);
        event NonceUsed(address indexed attester, uint256 nonce);
        error AlreadyAttested(bytes32 modelId, address attester);
        error NotAttested(bytes32 modelId, address attester);
        error SignatureExpired(uint256 deadline, uint256 timestamp);
        error BadAttestationSignature(address attester);
        function attest(bytes32 modelId, bytes32 statementHash) external;
        function attestBySig(
            bytes32 modelId,
            bytes32 statementHash,
            address attester,
            uint256 deadline,
            bytes calldata signature
        ) external;
        function revokeAttestation(bytes32 modelId) external;
        function voidSignature() external;
        function attestationOf(bytes32 modelId, address attester) external view returns (Attestation memory);
        function attestationCount(bytes32 modelId) external view returns (uint256);
        function attestations(bytes32 modelId, uint256 from, uint256 limit) external view returns (Attestation[] memory);
        function attestationNonce(address attester) external view returns (uint256);
        function attestationDigest(
            bytes32 modelId,
            bytes32 statementHash,
            address attester,
            uint256 nonce,
            uint256 deadline
        ) external view returns (bytes32);
    }
    interface IModelRegistry is IModelAttestations {
        struct Source {
            uint8 kind;
            bytes32 feedId;
            uint32 length;
        }
        struct ModelSpec {
            address author;
            bytes32 onnxHash;
            bytes32 quantHash;
            Source[] sources;
            uint16 nOutputs;
            int8 outputDecimals;
            bool isPrivate;
            uint32 shape;
            uint256[] vkDigests;
            bytes32 directVerifierCodeHash;
            uint32 directProofLength;
        }
        event ModelRegistered(bytes32 indexed modelId, address indexed author, ModelSpec spec);
        event DeprecationAnnounced(bytes32 indexed modelId, bytes32 indexed successor, uint64 effectiveAt);
        event DirectVerifierSet(bytes32 indexed modelId, address indexed verifier);
        error ModelExists(bytes32 modelId);
        error ModelUnknown(bytes32 modelId);
        error ModelAlreadyDeprecated(bytes32 modelId);
        error ModelDeprecated(bytes32 modelId);
        error SuccessorDeprecated(bytes32 successor);
        error EffectiveAtOutOfRange(uint256 earliest, uint256 latest, uint256 got);
        error NotAuthor(address expected, address got);
        error BadSpec(string field, uint256 got);
        error SourceLengthMismatch(bytes32 feedId, uint256 expected, uint256 got);
        error CodeHashMismatch(bytes32 expected, bytes32 got);
        error DirectVerifierAlreadySet(bytes32 modelId, address verifier);
        function register(ModelSpec calldata spec) external returns (bytes32 modelId);
        function deprecate(bytes32 modelId, bytes32 successor, uint64 effectiveAt) external;
        function setDirectVerifier(bytes32 modelId, address verifier) external;
        function computeId(ModelSpec calldata spec) external pure returns (bytes32);
        function feeds() external view returns (IFeedRegistry);
        function exists(bytes32 modelId) external view returns (bool);
        function specOf(bytes32 modelId) external view returns (ModelSpec memory);
        function openSpecOf(bytes32 modelId) external view returns (ModelSpec memory);
        function isPrivate(bytes32 modelId) external view returns (bool);
        function isDeprecated(bytes32 modelId) external view returns (bool);
        function deprecatedAt(bytes32 modelId) external view returns (uint64 effectiveAt);
        function DEPRECATION_NOTICE() external view returns (uint64);
        function MAX_NOTICE() external view returns (uint64);
        function successorOf(bytes32 modelId) external view returns (bytes32);
        function vkDigestOf(bytes32 modelId, uint256 batch) external view returns (uint256);
        function directVerifierOf(bytes32 modelId) external view returns (address);
        function wordsPerSlot(bytes32 modelId) external view returns (uint256);
        function publicWordsOf(bytes32 modelId) external view returns (uint256);
    }
    interface IOperatorStaking {
        struct Account {
            uint96 staked;
            uint96 reserved;
            uint96 unstaking;
            uint64 availableAt;
        }
        event Staked(address indexed operator, uint256 amount);
        event OracleAuthorised(address indexed operator, address indexed oracle, bool authorised);
        event Slashed(
            address indexed operator,
            address indexed oracle,
            uint256 amount,
            address indexed compensated,
            uint256 compensation
        );
        event UnstakeStarted(address indexed operator, uint256 amount, uint64 availableAt);
        event UnstakeCancelled(address indexed operator, uint256 amount);
        event Unstaked(address indexed operator, address indexed to, uint256 amount);
        event CompensationWithdrawn(address indexed account, address indexed to, uint256 amount);
        error ZeroAmount();
        error ZeroAddress();
        error NotAuthorised(address operator, address oracle);
        error FreeStakeTooLow(address operator, uint256 free, uint256 amount);
        error ReservationTooLow(address operator, address oracle, uint256 reserved, uint256 amount);
        error CompensationTooHigh(uint256 max, uint256 got);
        error NothingToWithdraw(address account);
        error StillUnstaking(uint256 availableAt, uint256 timestamp);
        error TransferFailed(address to, uint256 amount);
        function stake() external payable;
        function authorise(address oracle) external;
        function withdrawAuthority(address oracle) external;
        function startUnstake(uint256 amount) external;
        function cancelUnstake() external;
        function withdrawUnstaked(address to) external returns (uint256 amount);
        function withdrawCompensation(address to) external returns (uint256 amount);
        function reserve(address operator, uint256 amount) external;
        function release(address operator, uint256 amount) external;
        function slash(address operator, uint256 amount, address compensated, uint256 compensation) external;
        function accountOf(address operator) external view returns (Account memory);
        function freeStakeOf(address operator) external view returns (uint256);
        function reservedBy(address operator, address oracle) external view returns (uint256);
        function isAuthorised(address operator, address oracle) external view returns (bool);
        function compensationOf(address account) external view returns (uint256);
        function totalStake() external view returns (uint256);
        function totalCompensation() external view returns (uint256);
        function UNSTAKE_DELAY() external view returns (uint64);
        function BURNED() external view returns (address);
    }
    interface IDodonaOracle {
        enum Status {
            None,
            Open,
            Fulfilled,
            Refunded
        }
        enum Outcome {
            Delivered,
            AlreadySettled,
            Expired,
            Rejected
        }
        struct Prices {
            uint96 direct;
            uint96 aggregated;
            uint64 callbackGasPrice;
            bool listed;
        }
        struct Promise {
            address operator;
            uint96 penalty;
            uint64 until;
            uint64 contestedUntil;
            uint224 commitment;
        }
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
        struct SignedHeader {
            IFeedRegistry.ObservationHeader header;
            bytes signature;
        }
        struct Slot {
            SignedHeader[] observations;
            uint256[] publicWords;
            uint256[] outputWords;
        }
        struct Answer {
            bytes32 modelId;
            uint64 observedAt;
            uint64 validUntil;
            uint64 fulfilledAt;
            bool inDomain;
            bool unsaturated;
            int64[] outputs;
        }
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
        event Skipped(bytes32 indexed id, Outcome outcome);
        event Rejected(bytes32 indexed id, bytes reason);
        event FeeIncreased(bytes32 indexed id, address indexed payer, uint256 amount, uint256 fee);
        event Accepted(
            bytes32 indexed id,
            address indexed operator,
            address indexed payee,
            uint64 until,
            uint256 penalty,
            uint224 commitment
        );
        event AcceptanceKept(bytes32 indexed id, address indexed operator);
        event AcceptanceMissed(bytes32 indexed id, address indexed operator);
        event AcceptanceVoided(bytes32 indexed id, address indexed operator);
        event PenaltyTaken(bytes32 indexed id, address indexed operator, uint256 penalty, uint256 compensation);
        event Refunded(bytes32 indexed id, address indexed to, uint256 amount);
        event CallbackFailed(bytes32 indexed id, address indexed requester, bytes reason);
        event CallbackRetried(bytes32 indexed id, address indexed requester);
        event Withdrawn(address indexed token, address indexed account, address indexed to, uint256 amount);
        event PricesSet(address indexed token, Prices prices);
        error UnknownMode(uint8 got);
        error ModeNotSupported(bytes32 modelId, uint8 mode);
        error FeeTooLow(uint256 expected, uint256 got);
        error FeeTooHigh(uint256 max, uint256 got);
        error TokenNotListed(address token);
        error NotAToken(address token);
        error PriceTooHigh(uint256 max, uint256 got);
        error ValueMismatch(uint256 expected, uint256 got);
        error BookFull(address token, uint256 max, uint256 got);
        error TokenShortfall(address token, uint256 expected, uint256 got);
        error TokenMismatch(address token, uint256 expected, uint256 got);
        error PenaltyTooHigh(uint256 max, uint256 got);
        error ZeroAmount();
        error DeadlineOutOfRange(uint256 earliest, uint256 latest, uint256 got);
        error CallbackGasTooHigh(uint256 max, uint256 got);
        error PublicWordCount(uint256 expected, uint256 got);
        error WordNotInField(uint256 index, uint256 got);
        error VerifierVersionMismatch(uint32 version, uint8 mode, uint32 shape);
        error RequestUnknown(bytes32 id);
        error RequestNotOpen(bytes32 id, Status status);
        error DeadlinePassed(bytes32 id, uint256 deadline, uint256 timestamp);
        error DeadlineNotPassed(bytes32 id, uint256 deadline, uint256 timestamp);
        error AlreadyAccepted(bytes32 id, address operator);
        error NotAccepted(bytes32 id);
        error AcceptedOtherwise(bytes32 id, uint256 until);
        error AcceptanceMismatch(bytes32 id);
        error AcceptanceStands(bytes32 id);
        error RequestStillOpen(bytes32 id);
        error ContestNotOver(bytes32 id, uint256 until, uint256 timestamp);
        error TooManyOperators(uint256 max);
        error CheckRanOutOfGas();
        error ProofExpired(uint256 expiry, uint256 timestamp);
        error EmptyBatch();
        error SlotCount(uint256 expected, uint256 got);
        error DuplicateId(bytes32 id);
        error ModelMismatch(bytes32 id, bytes32 expected, bytes32 got);
        error ModeMismatch(bytes32 id, uint8 expected, uint8 got);
        error VersionMismatch(bytes32 id, uint32 expected, uint32 got);
        error BatchSizeNotSupported(bytes32 modelId, uint8 mode, uint256 batch);
        error ObservationCount(bytes32 id, uint256 expected, uint256 got);
        error WrongFeed(bytes32 id, uint256 source, bytes32 expected, bytes32 got);
        error ObservationOutOfWindow(bytes32 id, uint256 earliest, uint256 latest, uint256 got);
        error ObservationNoLongerValid(bytes32 id, uint256 createdAt, uint256 validUntil);
        error DeliveredTooLate(bytes32 id, uint256 earliest, uint256 observedAt);
        error PublisherNotDistinct(bytes32 id, address publisher);
        error MixedObservations(bytes32 id, uint64 expected, uint64 got);
        error PublicWordsMismatch(bytes32 id);
        error OutputWordCount(bytes32 id, uint256 expected, uint256 got);
        error OutputWordMalformed(bytes32 id, uint256 index, uint256 got);
        error TooManyWords(uint256 max, uint256 got);
        error DirectVerifierNotSet(bytes32 modelId);
        error ProofRefused();
        error ZeroPayee();
        error FeedRegistryMismatch(address expected, address got);
        error InsufficientCallbackGas(uint256 required, uint256 left);
        error NoFailedCallback(bytes32 id);
        error CallbackRefused(bytes reason);
        error NothingToWithdraw(address token, address account);
        error TransferFailed(address to, uint256 amount);
        function setPrices(address token, Prices calldata prices) external;
        function pricesOf(address token) external view returns (Prices memory);
        function quote(RequestParams calldata params) external view returns (uint256 fee);
        function request(RequestParams calldata params) external payable returns (bytes32 id);
        function increaseFee(bytes32 id, uint96 amount) external payable;
        function accept(bytes32 id, address payee, SignedHeader[] calldata observations) external;
        function voidAcceptance(bytes32 id, address payee, SignedHeader[] calldata observations) external;
        function settleMissed(bytes32 id) external;
        function acceptanceOf(bytes32 id) external view returns (Promise memory);
        function fulfil(
            bytes32[] calldata ids,
            uint8 mode,
            address payee,
            uint64 expiry,
            Slot[] calldata slots,
            bytes calldata proof
        ) external returns (Outcome[] memory outcomes);
        function refund(bytes32 id) external;
        function retryCallback(bytes32 id) external;
        function withdraw(address token, address to) external returns (uint256 amount);
        function requestOf(bytes32 id) external view returns (Request memory);
        function statusOf(bytes32 id) external view returns (Status);
        function answerOf(bytes32 id) external view returns (Answer memory);
        function callbackFailed(bytes32 id) external view returns (bool);
        function creditOf(address token, address account) external view returns (uint256);
        function totalEscrow(address token) external view returns (uint256);
        function totalCredits(address token) external view returns (uint256);
        function contextOf(bytes32[] calldata ids, uint8 mode, address payee, uint64 expiry) external view returns (uint256);
        function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
            external
            view
            returns (bytes32);
        function nextNonce() external view returns (uint256);
        function modelRegistry() external view returns (address);
        function feedRegistry() external view returns (address);
        function verifierRouter() external view returns (address);
        function operatorStaking() external view returns (address);
        function desk() external view returns (address);
        function MAX_CALLBACK_GAS() external view returns (uint32);
        function MAX_LIFETIME() external view returns (uint64);
        function LEAST_PENALTY() external view returns (uint96);
        function MAX_PENALTY() external view returns (uint96);
        function ACCEPT_WINDOW() external view returns (uint64);
        function CONTEST_PERIOD() external view returns (uint64);
        function COMPENSATED_GAS() external view returns (uint256);
        function AGGREGATED_WORDS() external view returns (uint256);
    }
    interface IDodonaCallback {
        function onDodonaAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) external;
    }
    interface IProofVerifier {
        error WordNotInField(uint256 index, uint256 got);
        error LimbTooLarge(uint256 index, uint256 got);
        error WordCount(uint256 expected, uint256 got);
        error ProofLength(uint256 expected, uint256 got);
        error IdentityPoint(uint256 index);
        error NoCode(address implementation);
        error KeyNotAddress(uint256 got);
        error InsufficientVerifierGas(uint256 required, uint256 left);
        function verify(uint256 key, uint256[] calldata words, uint256 proofLength, bytes calldata proof)
            external
            view
            returns (bool);
        function mode() external view returns (uint8);
        function shape() external view returns (uint32);
        function gasCap() external view returns (uint256);
        function implementation() external view returns (address);
    }
    interface IVerifierRouter {
        enum Status {
            None,
            Proposed,
            Cancelled,
            Active,
            Frozen
        }
        struct Version {
            address verifier;
            uint8 mode;
            uint32 shape;
            bytes32 codeHash;
            bytes32 implementationCodeHash;
            bytes32 srsDigest;
        }
        event VersionProposed(
            uint32 indexed version,
            address indexed verifier,
            bytes32 codeHash,
            bytes32 implementationCodeHash,
            uint64 readyAt,
            uint64 expiresAt
        );
        event VersionAdded(
            uint32 indexed version, address indexed verifier, uint8 mode, uint32 shape, bytes32 srsDigest, bool dev
        );
        event VersionCancelled(uint32 indexed version);
        event VersionWasFrozen(uint32 indexed version);
        event GuardianProposed(address indexed guardian, address indexed proposed, uint64 readyAt);
        event GuardianChanged(address indexed previous, address indexed guardian);
        error VersionUnknown(uint32 version);
        error VersionNotActive(uint32 version, Status got);
        error VersionFrozen(uint32 version);
        error NoVersion(uint8 mode, uint32 shape);
        error VersionNotProposed(uint32 version, Status got);
        error DelayNotOver(uint256 readyAt, uint256 timestamp);
        error ProposalExpired(uint256 expiresAt, uint256 timestamp);
        error CodeHashMismatch(bytes32 expected, bytes32 got);
        error ShapeMismatch(uint32 expected, uint32 got);
        error UnknownMode(uint8 got);
        error SrsMismatch(bytes32 expected, bytes32 got);
        error ZeroSrsDigest();
        error DelayOutOfRange(uint256 least, uint256 most, uint256 got);
        error ZeroGuardian();
        error NotGuardian(address expected, address got);
        error NotProposedGuardian(address expected, address got);
        function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest)
            external
            returns (uint32 version);
        function activate(uint32 version) external;
        function cancel(uint32 version) external;
        function freeze(uint32 version) external;
        function proposeGuardian(address next) external;
        function acceptGuardian() external;
        function versionOf(uint32 version) external view returns (Version memory);
        function proposalOf(uint32 version)
            external
            view
            returns (Version memory proposal, Status status, uint64 readyAt, uint64 expiresAt);
        function verifierOf(uint32 version) external view returns (address);
        function isFrozen(uint32 version) external view returns (bool);
        function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version);
        function versionCount() external view returns (uint32);
        function srsDigest() external view returns (bytes32);
        function isDev() external view returns (bool);
        function delay() external view returns (uint64);
        function ACTIVATION_WINDOW() external view returns (uint64);
        function guardian() external view returns (address);
        function pendingGuardian() external view returns (address next, uint64 readyAt);
    }
}
