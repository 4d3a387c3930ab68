//! The contracts' interfaces as Rust types.
//!
//! The text below is that of `contracts/src/interfaces` without its comments (the meaning is documented there);
//! a test compares the two, so they cannot drift apart.

#![expect(missing_docs, clippy::too_many_arguments, reason = "generated from the interfaces, which document it")]

#[cfg(test)]
mod tests;

use alloy::sol;

sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]

    interface IFeedRegistry {
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
            uint64 period;
            uint32 epoch;
            bytes32 schemaHash;
        }
        event FeedCreated(bytes32 indexed feedId, address indexed owner, bytes32 schemaHash, uint32 length, uint64 period);
        event PublisherSet(bytes32 indexed feedId, uint32 indexed epoch, address[] publishers, uint64 previousUntil);
        event PublisherRevoked(bytes32 indexed feedId, address indexed publisher);
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
        function createFeed(bytes32 schemaHash, uint32 length, uint64 period, address[] calldata publishers, bytes32 salt)
            external
            returns (bytes32 feedId);
        function rotate(bytes32 feedId, address[] calldata publishers, uint64 overlap) external returns (uint32 epoch);
        function revoke(bytes32 feedId, address publisher) external;
        function verify(ObservationHeader calldata header, bytes calldata signature)
            external
            view
            returns (address publisher);
        function digestOf(ObservationHeader calldata header) external view returns (bytes32);
        function feedIdOf(address owner, bytes32 schemaHash, uint32 length, uint64 period, bytes32 salt)
            external
            pure
            returns (bytes32);
        function feedOf(bytes32 feedId) external view returns (Feed memory);
        function schemaField(bytes32 feedId) external view returns (uint256);
        function isPublisher(bytes32 feedId, uint32 epoch, address publisher) external view returns (bool);
        function MAX_SKEW() external view returns (uint64);
        function domainSeparator() external view returns (bytes32);
    }
    interface IModelRegistry {
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
        event ModelDeprecated(bytes32 indexed modelId, bytes32 indexed successor);
        event DirectVerifierSet(bytes32 indexed modelId, address indexed verifier);
        error ModelExists(bytes32 modelId);
        error ModelUnknown(bytes32 modelId);
        error ModelAlreadyDeprecated(bytes32 modelId);
        error NotAuthor(address expected, address got);
        error BadSpec(string field, uint256 got);
        error SourceLengthMismatch(bytes32 feedId, uint256 expected, uint256 got);
        error CodeHashMismatch(bytes32 expected, bytes32 got);
        error DirectVerifierAlreadySet(bytes32 modelId, address verifier);
        function register(ModelSpec calldata spec) external returns (bytes32 modelId);
        function deprecate(bytes32 modelId, bytes32 successor) external;
        function setDirectVerifier(bytes32 modelId, address verifier) external;
        function computeId(ModelSpec calldata spec) external pure returns (bytes32);
        function feeds() external view returns (IFeedRegistry);
        function exists(bytes32 modelId) external view returns (bool);
        function specOf(bytes32 modelId) external view returns (ModelSpec memory);
        function isDeprecated(bytes32 modelId) external view returns (bool);
        function successorOf(bytes32 modelId) external view returns (bytes32);
        function vkDigestOf(bytes32 modelId, uint256 batch) external view returns (uint256);
        function directVerifierOf(bytes32 modelId) external view returns (address);
        function wordsPerSlot(bytes32 modelId) external view returns (uint256);
        function publicWordsOf(bytes32 modelId) external view returns (uint256);
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
            Expired
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
        event Refunded(bytes32 indexed id, address indexed to, uint256 amount);
        event CallbackFailed(bytes32 indexed id, address indexed requester, bytes reason);
        event CallbackRetried(bytes32 indexed id, address indexed requester);
        event Withdrawn(address indexed account, address indexed to, uint256 amount);
        event PricesSet(uint256 directFee, uint256 aggregatedFee, uint256 callbackGasPrice);
        error UnknownMode(uint8 got);
        error ModeNotSupported(bytes32 modelId, uint8 mode);
        error ModelDeprecated(bytes32 modelId);
        error FeeTooLow(uint256 expected, uint256 got);
        error FeeTooHigh(uint256 max, uint256 got);
        error DeadlineOutOfRange(uint256 earliest, uint256 latest, uint256 got);
        error CallbackGasTooHigh(uint256 max, uint256 got);
        error PublicWordCount(uint256 expected, uint256 got);
        error WordNotInField(uint256 index, uint256 got);
        error VerifierVersionMismatch(uint32 version, uint8 mode, uint32 shape);
        error RequestUnknown(bytes32 id);
        error RequestNotOpen(bytes32 id, Status status);
        error DeadlinePassed(bytes32 id, uint256 deadline, uint256 timestamp);
        error DeadlineNotPassed(bytes32 id, uint256 deadline, uint256 timestamp);
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
        error NothingToWithdraw(address account);
        error TransferFailed(address to, uint256 amount);
        function quote(RequestParams calldata params) external view returns (uint256 fee);
        function request(RequestParams calldata params) external payable returns (bytes32 id);
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
        function withdraw(address payable to) external returns (uint256 amount);
        function requestOf(bytes32 id) external view returns (Request memory);
        function statusOf(bytes32 id) external view returns (Status);
        function answerOf(bytes32 id) external view returns (Answer memory);
        function callbackFailed(bytes32 id) external view returns (bool);
        function creditOf(address account) external view returns (uint256);
        function totalEscrow() external view returns (uint256);
        function totalCredits() external view returns (uint256);
        function contextOf(bytes32[] calldata ids, uint8 mode, address payee, uint64 expiry) external view returns (uint256);
        function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
            external
            view
            returns (bytes32);
        function nextNonce() external view returns (uint256);
        function modelRegistry() external view returns (address);
        function feedRegistry() external view returns (address);
        function verifierRouter() external view returns (address);
        function MAX_CALLBACK_GAS() external view returns (uint32);
        function MAX_LIFETIME() external view returns (uint64);
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
        struct Version {
            address verifier;
            uint8 mode;
            uint32 shape;
            bytes32 codeHash;
            bytes32 implementationCodeHash;
            bytes32 srsDigest;
        }
        event VersionAdded(
            uint32 indexed version, address indexed verifier, uint8 mode, uint32 shape, bytes32 srsDigest, bool dev
        );
        error VersionUnknown(uint32 version);
        error NoVersion(uint8 mode, uint32 shape);
        error CodeHashMismatch(bytes32 expected, bytes32 got);
        error ShapeMismatch(uint32 expected, uint32 got);
        error DevSrsRefused(bytes32 srsDigest);
        error UnknownMode(uint8 got);
        function addVersion(address verifier, bytes32 codeHash, bytes32 implementationCodeHash, bytes32 srsDigest)
            external
            returns (uint32 version);
        function versionOf(uint32 version) external view returns (Version memory);
        function verifierOf(uint32 version) external view returns (address);
        function latestOf(uint8 mode, uint32 shape) external view returns (uint32 version);
        function versionCount() external view returns (uint32);
        function devSrsDigest() external view returns (bytes32);
        function isDev(uint32 version) external view returns (bool);
        function allowsDev() external view returns (bool);
    }
}
