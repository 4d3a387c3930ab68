//! Contracts that the node does not know, as far as the scenarios use them: risk oracle, envelope, market, mocks, and the
//! constructors of all. `contracts/src` documents them.

#![expect(missing_docs, clippy::too_many_arguments, reason = "generated from signatures that the contracts document")]

use alloy::sol;

pub use dodona::bindings::{IDodonaOracle, IFeedRegistry, IModelRegistry, IProofVerifier, IVerifierRouter};

sol! {
    #![sol(extra_derives(Debug, PartialEq, Eq))]

    interface IRiskOracle {
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
        event UpdateRejected(bytes32 indexed requestId, address indexed market, string updateType, bytes reason);
        error ObservationNotNewer(uint64 last, uint64 got);
        function setSource(address market, string calldata updateType, Source calldata source) external;
        function lastObservedAt(address market, string calldata updateType) external view returns (uint64);
        function updateCounter() external view returns (uint256);
    }

    interface IRiskEnvelope {
        enum Direction {
            None,
            Up,
            Down,
            Both
        }
        enum RuleKind {
            Threshold,
            Bonus,
            Ordered,
            Sum,
            Kink,
            Growth
        }
        struct FieldLimits {
            uint64 min;
            uint64 max;
            uint64 maxStep;
            uint64 weekBudget;
            uint64 monthBudget;
            uint32 maxStepBps;
            Direction moves;
            Direction delayFree;
        }
        struct Rule {
            RuleKind kind;
            uint8 a;
            uint8 b;
            uint8 c;
            uint64 low;
            uint64 high;
            uint64 extra;
        }
        struct Limits {
            FieldLimits[] fields;
            Rule[] rules;
            uint64 minDelay;
            uint32 holdBps;
        }
        error StepTooLarge(uint256 index, uint256 maxStep, uint256 got);
        function bind(address riskOracle) external;
        function setLimits(address market, string calldata updateType, Limits calldata limits) external;
    }

    interface ILendingMarket {
        event RiskParametersRequested(bytes32 indexed requestId, address indexed payer, uint256 fee);
        function pokeRiskParameters(uint8 mode) external payable returns (bytes32 requestId);
        function riskParameters() external view returns (uint256 ltv, uint256 lt, uint256 lb, uint256 updateId);
    }

    struct CreditTerms {
        bytes32 modelId;
        uint8 mode;
        uint128 principal;
        uint128 interest;
        uint32 term;
        uint32 validity;
        uint32 timeToAnswer;
    }

    interface ICreditLoan {
        struct Account {
            bytes32 requestId;
            uint64 slot;
            uint64 until;
            uint8 status;
        }
        event Applied(address indexed applicant, uint64 indexed slot, bytes32 indexed requestId);
        event Decided(address indexed applicant, bytes32 indexed requestId, bool approved);
        error WrongStatus(address applicant, uint8 status);
        function applyForLoan() external payable returns (bytes32 id);
        function draw() external;
        function repay(address applicant) external;
        function deposit(uint256 amount) external returns (uint256 shares);
        function accountOf(address applicant) external view returns (Account memory);
        function applicantOf(uint64 slot) external view returns (address);
        function totalAssets() external view returns (uint256);
    }

    interface IToken {
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }

    /// The consumer that behaves as told, of the contracts' own tests.
    interface IConsumer {
        error Unwilling(uint256 code);
        function setWay(uint8 way) external;
        function ask(IDodonaRequest.RequestParams memory params, uint256 fee) external returns (bytes32 id);
        function answers() external view returns (uint256);
    }

    /// What `IProofVerifier` says in the wrappers of aggregated proofs only.
    interface IWrapper {
        error IdentityPoint(uint256 index);
    }

    /// `IDodonaOracle.RequestParams` again: a type of another macro call cannot be named here.
    interface IDodonaRequest {
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
    }

    contract Constructors {
        function modelRegistry(address feeds) external;
        function verifierRouter(address owner, address guardian, bytes32 srsDigest, uint64 delay) external;
        function oracle(
            address owner,
            address models,
            address feeds,
            address router,
            address staking,
            uint96 directFee,
            uint96 aggregatedFee,
            uint64 callbackGasPrice,
            bool listed
        ) external;
        function directWrapper(uint256 gasCap) external;
        function aggregatedWrapper(
            address implementation,
            uint32 shape,
            uint256 wordCount,
            uint256 outerProofLength,
            uint256 gasCap
        ) external;
        function envelope(address owner) external;
        function riskOracle(address owner, address guardian, address oracle, address envelope, bytes32 srsDigest) external;
        function token(string memory name, string memory symbol) external;
        function price(address owner, uint256 price) external;
        function market(
            address collateral,
            address debt,
            address price,
            address riskOracle,
            string memory updateType,
            uint256 ltv,
            uint256 lt,
            uint256 lb
        ) external;
        function consumer(address oracle) external;
        function creditLoan(address oracle, address token, CreditTerms memory terms) external;
    }
}

impl From<IDodonaOracle::RequestParams> for IDodonaRequest::RequestParams {
    fn from(p: IDodonaOracle::RequestParams) -> Self {
        Self {
            modelId: p.modelId,
            mode: p.mode,
            allowLater: p.allowLater,
            callbackGasLimit: p.callbackGasLimit,
            verifierVersion: p.verifierVersion,
            deadline: p.deadline,
            maxDataAge: p.maxDataAge,
            maxDeliveryAge: p.maxDeliveryAge,
            refundTo: p.refundTo,
            feeToken: p.feeToken,
            fee: p.fee,
            penalty: p.penalty,
            publicWords: p.publicWords,
        }
    }
}
